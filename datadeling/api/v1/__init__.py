"""The REST calls. Each module has the request schema, answer schema and view of one resource."""
