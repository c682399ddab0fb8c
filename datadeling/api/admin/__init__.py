"""`/api/v1/admin/…`: the calls of administrators; adr/0019 lists what is not possible over HTTP.

A module a resource, with its request schemas, response schemas and views; the actions are those of
`operations`. `blueprint` has the access check and what all views share, `schemas` the fields.
"""

from datadeling.api.admin.blueprint import blueprint as blueprint

# Imported for their views, in the order in which OpenAPI describes them.
from datadeling.api.admin import replays, failed, lookups, consumer  # isort: skip  # noqa: F401
