"""The views that analysts see in BigQuery, made from the description of the fields.

`views` has the columns and the SQL; `check` finds forgotten columns and outdated files; `bigquery` replaces
the views over the network.
"""
