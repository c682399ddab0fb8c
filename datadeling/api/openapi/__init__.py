"""The published description of the API: OpenAPI 3.1 made from the declarations of the calls."""
