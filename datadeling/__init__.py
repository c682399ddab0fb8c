"""Shares the present state of NAV's labour-market measures (*tiltak*).

The map, in the order the data flows. Every arrow points one way, and import-linter checks the borders:

    ingest.source → ingest.batch → ingest.decode → ingest.transform → ingest.fold → ingest.store → db
    db → api
    commands → verify → operations → replay → ingest, db
    api.admin → operations, replay

* `domain`: what an avtale is, which of two versions wins, what each shared field means. Pure.
* `ingest`: process 1, `datadeling consume`: Kafka topic to PostgreSQL.
* `replay`: the topic, or a part of it, read again beside the live consumer. Writes only what differs.
* `verify`: whether the tables hold what the topic says, and what to do where they do not.
* `operations`, `commands`: what an operator does by hand (`failed`, `offsets`, `delete`, `replay`, `prune`).
* `db`: connections, statements, migrations; the only package that knows psycopg and yoyo.
* `api`: process 2, `datadeling serve`: lookups over HTTP; in `api.graphql` as today's consumers ask,
  in `api.admin` what operators do there.
* `demo`: real PostgreSQL and Kafka on this machine, synthetic events, a local token issuer.
* `mirror`: views over what is mirrored to BigQuery, for analysts.
* `cli`: the commands. `ingest.process`, `replay.runner`, `api.app` and `demo.demo` wire the parts together.
* `crew`: requests that one thread answers in turns; `api` and `db` work in them.
* `config`, `errors`, `log`, `metrics`: what every part uses.
"""
