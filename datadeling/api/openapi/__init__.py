"""The published description of the API: OpenAPI 3.1, generated from the declarations of the calls."""
