"""Malformed HTTP with identity numbers in it; gunicorn answers most of it."""

from collections.abc import Iterator

from tests.acceptance.leaks.numbers import WORD, Numbers

_POST = "POST /api/v1/tiltaksstatus HTTP/1.1\r\nHost: x\r\n"
_FORMS = (
    "{0}\r\n\r\n",
    "GET /{0}\r\n\r\n",
    "GET /{WORD}/{0} HTTP/9.9\r\n\r\n",
    "GET /{WORD}/{0} HTTP/1.1 {0}\r\nHost: x\r\n\r\n",
    "{0} /{WORD} HTTP/1.1\r\nHost: x\r\n\r\n",
    "get{0} /{WORD} HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET {0} HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET http://{0}:x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET http://[{0}/ HTTP/1.1\r\nHost: {0}\r\n\r\n",
    "GET /{LONG}{0} HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nX-Long: {LONG}{0}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n{WORD} {0}: 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n{0}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n: {0}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nX-Nul: \x00{0}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /{0}\r\n\r\n",
    _POST + "Content-Length: -{0}\r\n\r\n",
    _POST + "Content-Length: {WORD}{0}\r\n\r\n",
    _POST + "Content-Length: 1\r\nContent-Length: {0}\r\n\r\n1",
    _POST + "Transfer-Encoding: {0}\r\n\r\n",
    _POST + "Transfer-Encoding: chunked\r\n\r\n{WORD}{0}\r\n1\r\n\r\n",
    _POST + "Transfer-Encoding: chunked\r\nContent-Length: {0}\r\n\r\n0\r\n\r\n",
    _POST + "Expect: {0}\r\nContent-Length: 2\r\n\r\n{{}}",
    _POST + "Authorization: Bearer {0}\r\n {0}\r\n\r\n",
    _POST + 'Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"fnr": "{0}"',
    "PROXY TCP4 {0} {0} 1 1\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
)  # fmt: skip
_LONG = "x" * 10_000


def requests(numbers: Numbers) -> Iterator[tuple[str, bytes]]:
    """Generate a description and the bytes of each."""
    for form in _FORMS:
        number = numbers.new(f"malformed: {form}")
        yield form, form.format(number, WORD=WORD, LONG=_LONG).encode("latin-1")
