"""How what is called so in the tables is called in JSON."""

import re
from typing import Any

from marshmallow import fields

from datadeling.api.schemas import Answer, Body


class _CamelCase:
    """Fields are named as in Python, and as in JSON outside."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Called by marshmallow for each of them."""
        field_obj.data_key = re.sub(r"_(.)", lambda found: found[1].upper(), field_name)


class AdminBody(_CamelCase, Body):
    """What is sent with a request."""


class AdminAnswer(_CamelCase, Answer):
    """What is answered."""
