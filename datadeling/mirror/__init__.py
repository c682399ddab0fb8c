"""What analysts see in BigQuery: views over the mirrored table, made from the description of the fields.

`columns` says what Datastream makes of the columns of `avtale`, and how personal each is; `views` which view
has which; `ddl` writes a view as SQL; `check` finds what has been forgotten. `bigquery` replaces the views
over the network, and is the only module that knows google-cloud-bigquery.
"""
