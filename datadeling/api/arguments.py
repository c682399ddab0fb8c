"""Reads and checks the body of a request. Whatever is wrong with it is 400, except its type and its size."""

from collections.abc import Mapping
from typing import Any, NoReturn

import flask
import msgspec
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.api.schemas import INVALID, MELDINGER


class Parser(FlaskParser):
    """webargs, with our errors: none of marshmallow's own texts gets out, nor any name that is not ours."""

    DEFAULT_VALIDATION_STATUS = 400

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
        raise invalid_fields(_feil(error, schema)) from None


def _feil(error: ValidationError, schema: Schema) -> list[Feil]:
    """In the order of the schema; what is not of ours last, without its name, and once."""
    (messages,) = error.messages_dict.values()  # webargs puts them under "json"
    ours = [field.data_key or name for name, field in schema.fields.items()]
    feil = [Feil(name, text) for name in ours for text in _texts(messages.get(name, []))]
    feil += [Feil(None, text) for name in messages if name not in ours for text in _texts(messages[name])]
    return list(dict.fromkeys(feil))


def _texts(messages: object) -> list[str]:
    """Texts of our own, whatever marshmallow would say."""
    found = messages if isinstance(messages, list) else [None]
    return [text if text in MELDINGER else INVALID for text in found]
