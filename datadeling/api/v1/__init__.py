"""The REST calls. A module has the request schemas, response schemas and views of one resource."""
