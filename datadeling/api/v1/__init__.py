"""The REST calls: each resource has its request schema, response schema and view together."""
