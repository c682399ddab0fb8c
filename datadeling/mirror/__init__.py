"""The BigQuery views for analysts, over the mirrored table, generated from the description of the fields.

`columns` has the columns of `avtale` as Datastream creates them, and how personal each is; `views` lists the
columns of each view; `ddl` writes a view as SQL; `check` finds columns that were forgotten. `bigquery`
creates the views, and is the only module that imports google-cloud-bigquery.
"""
