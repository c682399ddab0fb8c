"""Reads and checks the body and the query string of a request.

Whatever is wrong with them is 400, except the type and the size of a body.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from flask import request
from marshmallow import Schema, ValidationError, fields
from marshmallow.exceptions import SCHEMA

from datadeling.api.fields import INVALID, MELDINGER, TWICE
from datadeling.api.problems import Feil, Problem, invalid_fields

_NO_JSON = "Kroppen er ikke gyldig JSON i UTF-8, der hvert navn står én gang."


def read_body(schema: Schema) -> dict[str, Any]:
    """The body of the request at hand, as `schema` has it. Raise `Problem`; Werkzeug raises 413."""
    return _loaded(schema, read_json())


def read_json() -> Any:  # noqa: ANN401 (whatever was sent)
    """The body of the request at hand, whatever it holds. Raise `Problem`; Werkzeug raises 413."""
    # Nearly all say just this; what else there may be to read in the header takes ten times as long.
    is_json = request.environ.get("CONTENT_TYPE") == "application/json" or request.is_json
    if not is_json or request.environ.get("HTTP_CONTENT_ENCODING") not in {None, "identity"}:
        raise Problem(415)
    body = request.get_data(cache=False)
    if len(body) >= (request.max_content_length or 0) and request.content_length is None:
        raise Problem(413)  # sent in chunks: Werkzeug stops reading at the limit, and says nothing
    try:
        given = msgspec.json.decode(body)
        # Each name is followed by a colon: with no more of them than names, none can stand there twice.
        if type(given) is not dict or body.count(b":") != len(given):
            _search_for_repeated_names(body.decode())
    except (ValueError, RecursionError):
        raise Problem(400, kode="UGYLDIG_JSON", detail=_NO_JSON) from None
    return given


def read_query(schema: Schema) -> dict[str, Any]:
    """The query string of the request at hand. Raise `Problem`.

    A list may be one text with commas, or its name several times: clients write lists either way. All else
    stands there once.
    """
    lists = {
        field.data_key or name for name, field in schema.fields.items() if isinstance(field, fields.List)
    }
    given = dict(request.args.lists())
    if any(len(values) > 1 for name, values in given.items() if name not in lists):
        raise invalid_fields([Feil(None, TWICE)])
    return _loaded(schema, {name: ",".join(values) for name, values in given.items()})


def _each_once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError


# msgspec takes the last one: of two persons in one question, only one would be looked up.
_search_for_repeated_names = json.JSONDecoder(object_pairs_hook=_each_once).decode


def _loaded(schema: Schema, given: Any) -> dict[str, Any]:  # noqa: ANN401 (whatever was sent)
    """None of marshmallow's own texts gets out, nor any name that is not ours."""
    try:
        found: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        raise invalid_fields(feil_in(error.messages_dict, schema)) from None
    return found


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
