"""All of datadeling on one machine with no services installed; needs the extra `demo`.

* `services`: real PostgreSQL (`postgres`) and Kafka (`kafka`, `kafka_jars`) as processes of ours, both
  built on `embedded` (the life of a service), `process` (its process, and the guard that outlives us) and
  `ports`.
* `generator`: synthetic events with the shape of the real ones, and what they come to. An event's content is
  from `avtale` (status and dates), `parter` (who), `innhold` (the rest), which draw on `felter` (words),
  `fnr` (identity numbers that belong to nobody), `tider` (times as the producer writes them) and `tilfeldig`.
* `issuer`: tokens as Entra ID would issue them.
* `demo`: the command.

Demo, tests and benchmarks use the same module. Nothing in production imports it.
"""
