"""Schemas: the base classes, the kinds of fields, and loading a request by one.

Whatever is wrong with a request is 400, except the type and the size of a body. No error repeats a value.
"""

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from flask import request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate, validates_schema
from marshmallow.exceptions import SCHEMA

from datadeling.api import texts
from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.domain.month import OSLO

EXAMPLE_FNR = "15877512360"  # synthetic: 80 has been added to the month
EXAMPLE_ID = "5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42"
EXAMPLE_TIME = "2026-01-16T11:05:40.946+01:00"

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ISO_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_ELEVEN_DIGITS = "^[0-9]{11}$"
_DIGITS = re.compile(r"-?\d{1,19}", re.ASCII)
_NO_NUL = r"^[^\u0000]*$"
_MOST_IDENTER = 20
# JSON Schema for the reader of the description. A property that is null is one that is missing.
_IDENTER_GIVEN = {"required": ["identer"], "properties": {"identer": {"type": "array"}}}
_FNR_GIVEN = {"required": ["fnr"], "properties": {"fnr": {"type": "string"}}}
_NO_FNR = {"properties": {"fnr": {"type": "null"}}}
_NO_JSON = "Kroppen er ikke gyldig JSON i UTF-8, der hvert navn står én gang."


class RequestSchema(Schema):
    """A request schema, of a body or a query string: no other properties are accepted.

    `rules` are in JSON Schema, for the OpenAPI document. A validator of the schema checks the same.
    """

    rules: ClassVar[Mapping[str, Any]] = {}

    error_messages = {"unknown": texts.UNKNOWN, "type": texts.NO_OBJECT}  # noqa: RUF012 (marshmallow reads it so)


class LookupRequest(RequestSchema):
    """A request schema in which null means missing: generated clients send every property."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002
        """Mark the fields that may be null, for the OpenAPI document."""
        field_obj.allow_none = not field_obj.required

    @pre_load
    def _drop_nulls(self, sent: Any, **_: object) -> Any:  # noqa: ANN401 (any JSON)
        if not isinstance(sent, dict) or None not in sent.values():
            return sent
        optional = {name for name, field in self.fields.items() if not field.required}
        return {name: value for name, value in sent.items() if value is not None or name not in optional}


class ResponseSchema(Schema):
    """A response schema: more properties may come."""

    class Meta:
        """Options of marshmallow."""

        unknown = EXCLUDE


class Dato(fields.Date):
    """A date as yyyy-MM-dd and in no other of ISO 8601's spellings."""

    default_error_messages = {"invalid": texts.NO_DATE}  # noqa: RUF012 (marshmallow reads it so)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dt.date:  # noqa: ANN401
        if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class Tidspunkt(fields.AwareDateTime):
    """A time with its offset, cut to microseconds. It must have a day in Oslo."""

    default_error_messages = {"invalid": texts.NO_TIME}  # noqa: RUF012 (marshmallow reads it so)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dt.datetime:  # noqa: ANN401, ARG002
        if not isinstance(value, str) or not _ISO_TIME.fullmatch(value):
            raise self.make_error("invalid")
        try:
            return dt.datetime.fromisoformat(value).astimezone(OSLO).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            raise self.make_error("invalid") from None


class JaNei(fields.Boolean):
    """True or false, not 1 or 0, which are equal to them in Python."""

    default_error_messages = {"invalid": texts.NO_BOOLEAN, "null": texts.NOT_NULL}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ANN401, ARG002
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class Tekst(fields.String):
    """Text that PostgreSQL can hold."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 (what a field takes)
        super().__init__(**kwargs)
        self.metadata = {"pattern": _NO_NUL, **self.metadata}

    default_error_messages = {"invalid": texts.NO_TEXT, "null": texts.NOT_NULL, "required": texts.MISSING}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ANN401
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\0" in text:
            raise ValidationError(texts.NO_TEXT)
        return text


class Heltall(fields.Integer):
    """A whole number. A body may have it as 1.0, which is the same in JSON; an address has digits alone."""

    def _validated(self, value: Any) -> int:  # noqa: ANN401 (any JSON)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str) and (self.strict or not _DIGITS.fullmatch(value)):
            raise self.make_error("invalid")
        return super()._validated(value)


def ident() -> fields.String:
    """Return a field for a national identity number. Only that it has eleven digits is checked."""
    return fields.String(
        # The length, too: "$" also matches before a line break at the end.
        validate=[
            validate.Length(equal=11, error=texts.NO_FNR),
            validate.Regexp(_ELEVEN_DIGITS, error=texts.NO_FNR),
        ],
        error_messages={
            "required": texts.MISSING,
            "null": texts.NOT_NULL,
            "invalid": texts.NO_FNR,
            "invalid_utf8": texts.NO_FNR,
        },
        metadata={
            "description": "Personens identitetsnummer: elleve siffer. Mer sjekkes ikke.",
            "example": EXAMPLE_FNR,
        },
    )


class Person(LookupRequest):
    """At most one person."""

    rules = {"if": _IDENTER_GIVEN, "then": _NO_FNR}  # noqa: RUF012 (read by the OpenAPI plugin)

    fnr = ident()
    identer = fields.List(
        ident(),
        validate=validate.Length(min=1, max=_MOST_IDENTER, error=texts.NO_IDENTER),
        error_messages={"invalid": texts.NO_IDENTER},
        metadata={
            "description": "Personens nåværende og tidligere identitetsnumre, i stedet for fnr: 1–20.",
            "example": [EXAMPLE_FNR],
        },
    )

    is_required: ClassVar[bool] = False

    # Also when a field is bad in itself, so that all that is wrong is answered at once.
    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _check_person(self, _: dict[str, Any], sent: Any, **__: object) -> None:  # noqa: ANN401 (any JSON)
        if not isinstance(sent, dict):
            return
        has_fnr, has_identer = sent.get("fnr") is not None, sent.get("identer") is not None
        if has_fnr and has_identer:
            raise ValidationError(texts.ONE_PERSON, "identer")
        if self.is_required and not has_fnr and not has_identer:
            raise ValidationError(texts.MISSING, "fnr")


class OnePerson(Person):
    """Exactly one person."""

    rules = {**Person.rules, "else": _FNR_GIVEN}  # noqa: RUF012
    is_required = True


def identer(body: Mapping[str, Any]) -> list[str] | None:
    """Return the numbers of the person in a valid body, or None when it names nobody."""
    if body.get("fnr") is not None:
        return [body["fnr"]]
    return None if body.get("identer") is None else list(dict.fromkeys(body["identer"]))


def read_body(schema: Schema, max_bytes: int | None = None) -> dict[str, Any]:
    """Return the body of the request at hand, loaded by the schema. Raise `Problem`; Werkzeug raises 413."""
    if max_bytes is not None:
        request.max_content_length = max_bytes
    return _load(schema, read_json())


def read_json() -> Any:  # noqa: ANN401 (any JSON)
    """Return the body of the request at hand as JSON. Raise `Problem`; Werkzeug raises 413."""
    if not request.is_json or request.environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise Problem(415)
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= (request.max_content_length or 0):
        raise Problem(413)  # sent in chunks: Werkzeug stops reading at the limit, and says nothing
    try:
        sent = msgspec.json.decode(body)
        # Where a name is repeated, msgspec takes the last one: of two persons only one would be looked up.
        _NO_NAME_TWICE.decode(body.decode())
    except (ValueError, RecursionError):
        raise Problem(400, kode="UGYLDIG_JSON", detail=_NO_JSON) from None
    return sent


def _refuse_repeated_names(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError


_NO_NAME_TWICE = json.JSONDecoder(object_pairs_hook=_refuse_repeated_names)


def read_query(schema: Schema) -> dict[str, Any]:
    """Return the query string of the request at hand, loaded by the schema. Raise `Problem`.

    A list may be one text with commas, or its name several times: clients write lists either way. Any other
    name may occur once.
    """
    lists = {
        field.data_key or name for name, field in schema.fields.items() if isinstance(field, fields.List)
    }
    sent = dict(request.args.lists())
    if any(len(values) > 1 for name, values in sent.items() if name not in lists):
        raise invalid_fields([Feil(None, texts.TWICE)])
    return _load(schema, {name: ",".join(values) for name, values in sent.items()})


def _load(schema: Schema, sent: Any) -> dict[str, Any]:  # noqa: ANN401 (any JSON)
    try:
        loaded: dict[str, Any] = schema.load(sent)
    except ValidationError as error:
        raise invalid_fields(feil_in(error.messages_dict, schema)) from None
    return loaded


def feil_in(messages: Mapping[Any, Any], schema: Schema, above: str = "") -> list[Feil]:
    """Return marshmallow's errors as ours, in the order of the schema, without any text or name of others.

    Those of unknown properties come last, without the names, and once.
    """
    feil = []
    known = {field.data_key or name: field for name, field in schema.fields.items()}
    for name, field in known.items():
        errors, path = messages.get(name, []), f"{above}{name}"
        if isinstance(field, fields.Nested) and isinstance(errors, dict):
            feil += feil_in(errors, field.schema, f"{path}.")
        else:
            feil += [Feil(path, text) for text in _texts(errors)]
    for name in messages:
        if name == SCHEMA:
            feil += [Feil(above.removesuffix(".") or None, text) for text in _texts(messages[name])]
        elif name not in known:
            feil += [Feil(None, text) for text in _texts(messages[name])]
    return list(dict.fromkeys(feil))


def _texts(messages: object) -> list[str]:
    """Return texts of ours in place of marshmallow's. Errors of items count as errors of their list."""
    match messages:
        case list():
            return [text if text in texts.ALL else texts.INVALID for text in messages]
        case dict():
            return [text for inner in messages.values() for text in _texts(inner)]
        case _:
            return [texts.INVALID]
