"""Every statement that the code runs by its name exists, and gets the values that it binds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from datadeling.db.transaction import STATEMENTS

PACKAGE = Path(__file__).parents[3] / "datadeling"
RUNS = re.compile(r"(tx|self)\.(run|run_many|rows|dicts|first)")


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Return each call that runs a statement, with the statement's name."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(call, ast.Call) and RUNS.fullmatch(ast.unparse(call.func)):
                for argument in call.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value, call


CALLS = [pytest.param(name, call, id=f"{name} {call.lineno}") for name, call in calls()]


def test_calls_are_found() -> None:
    assert len(CALLS) > 40


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_a_named_statement_exists_and_gets_its_values(name: str, call: ast.Call) -> None:
    bound = set(re.findall(r"%\((\w+)\)s", STATEMENTS[name].as_string()))
    given = {keyword.arg for keyword in call.keywords if keyword.arg}
    in_mapping = len(given) < len(call.keywords) or ast.unparse(call.func).endswith("run_many")
    assert given <= bound if in_mapping else given == bound
