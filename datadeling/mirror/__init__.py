"""The views in BigQuery over what Datastream mirrors: made from the description of the fields."""
