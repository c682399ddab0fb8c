"""All of datadeling on one machine with no services installed; needs the extra `demo`.

* `services`: real PostgreSQL (`postgres`) and Kafka (`kafka`, `kafka_jars`) as processes of ours, both built
  on `embedded` (start, readiness and stop of a service) and `process` (a process that never outlives us).
* `generator`: synthetic events with the shape of the real ones, and the newest state of each avtale. Its
  avtaler come from `avtale`, with random values from `draws`. `expected` is the API's correct answer.
* `issuer`: tokens as Entra ID would issue them.
* `commands`: `consume` and `serve` beside the services; `demo`: the command.

Demo, tests and benchmarks use the same modules. Nothing in production imports them, and the image has none.
"""
