"""Reads and checks the body and the query string of a request.

Whatever is wrong with them is 400, except the type and the size of a body.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

import flask
import msgspec
from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.exceptions import SCHEMA
from webargs.flaskparser import FlaskParser

from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.api.schemas import INVALID, MELDINGER


class Parser(FlaskParser):
    """webargs, with our errors: none of marshmallow's own texts gets out, nor any name that is not ours."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": RAISE}  # noqa: RUF012 (as webargs has it)

    def load_json(self, req: flask.Request, schema: Schema) -> Any:  # noqa: ANN401, ARG002 (whatever was sent)
        """The body. Raise `Problem`; Werkzeug raises 413."""
        if not req.is_json:
            raise Problem(415)
        body = req.get_data(cache=False)
        if req.content_length is None and len(body) >= (req.max_content_length or 0):
            raise Problem(413)  # sent in chunks: Werkzeug stops reading at the limit, and says nothing
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError):
            raise Problem(400, kode="UGYLDIG_JSON", detail="Kroppen er ikke gyldig JSON.") from None

    def handle_error(
        self,
        error: ValidationError,
        req: flask.Request,  # noqa: ARG002
        schema: Schema,
        *,
        error_status_code: int | None,  # noqa: ARG002
        error_headers: Mapping[str, str] | None,  # noqa: ARG002
    ) -> NoReturn:
        """Raise `Problem` 400 with what is wrong with which field."""
        (messages,) = error.messages_dict.values()  # webargs puts them under "json" or "query"
        raise invalid_fields(feil_in(messages, schema)) from None


def feil_in(messages: Mapping[Any, Any], schema: Schema, above: str = "") -> list[Feil]:
    """In the order of the schema; what is not of ours last, without its name, and once."""
    found = []
    ours = {field.data_key or name: field for name, field in schema.fields.items()}
    for name, field in ours.items():
        given, path = messages.get(name, []), f"{above}{name}"
        if isinstance(field, fields.Nested) and isinstance(given, dict):
            found += feil_in(given, field.schema, f"{path}.")
        else:
            found += [Feil(path, text) for text in _texts(given)]
    for name in messages:
        if name == SCHEMA:
            found += [Feil(above.removesuffix(".") or None, text) for text in _texts(messages[name])]
        elif name not in ours:
            found += [Feil(None, text) for text in _texts(messages[name])]
    return list(dict.fromkeys(found))


def _texts(messages: object) -> list[str]:
    """Texts of our own, whatever marshmallow would say; those of the items of a list are the list's."""
    match messages:
        case list():
            return [text if text in MELDINGER else INVALID for text in messages]
        case dict():
            return [text for inner in messages.values() for text in _texts(inner)]
        case _:
            return [INVALID]
