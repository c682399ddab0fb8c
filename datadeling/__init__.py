"""The present state of NAV's labour-market measures (*tiltak*): read from Kafka, served by API and BigQuery.

This is the map, in the order in which data flows. Imports point one way; import-linter checks the borders.

    Kafka → consumer → pipeline → db → PostgreSQL → api → other teams' systems
                                                  → Datastream → BigQuery, with the views of mirror
    operators → commands or api.admin → operations → pipeline, db

* `domain`: an avtale, its versions and places, the shared fields, search criteria. Pure.
* `consumer`: process 1, `datadeling consume`. `loop` fetches (`source`), batches (`batch`) and writes.
* `pipeline`: the write path that the live consumer, retry and replay share:
  `message` → `decode` → `transform` → `fold` → `store`.
* `db`: connections, statements (`queries/*.sql`), migrations. The only package that imports psycopg and yoyo.
* `api`: process 2, `datadeling serve`. `server` starts the workers, `app` wires the application of each. The
  calls are in `v1`, `graphql` and `admin`, the checks of a caller in `security`.
* `operations`: the actions of operators, a module or folder for each subject: `replay`, `verify`, `failed`,
  `offsets`, `erase`, `audit`, `retention`.
* `commands`: the operations on the terminal. `cli` is the entry point of every command.
* `mirror`: the BigQuery views over the mirrored table.
* `demo`: PostgreSQL, Kafka, events and a token issuer on this machine, for the demo, tests and benchmarks.
* `supervisor`: `datadeling run`, both processes in one container.
* `config`, `errors`, `log`, `metrics`: used by all of them.
"""
