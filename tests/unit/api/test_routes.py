"""Routes are found once where that says all, and else each time."""

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from datadeling.api.routes import Routes


@pytest.fixture
def routes() -> Routes:
    return Routes(
        Map(
            [
                Rule("/fast", endpoint="fast", methods=["POST"]),
                Rule("/ting/<nr>", endpoint="ting", methods=["GET"]),
                Rule("/ting/alle", endpoint="alle", methods=["POST"]),
            ]
        )
    )


def find(routes: Routes, method: str, path: str) -> tuple[str, dict[str, str]]:
    rule, arguments = routes.adapter(method, path).match(return_rule=True)
    return rule.endpoint, dict(arguments)


def test_the_same_address_is_the_same_route_again(routes: Routes) -> None:
    assert [find(routes, "POST", "/fast") for _ in range(3)] == [("fast", {})] * 3
    assert routes.adapter("POST", "/fast") is routes.adapter("POST", "/fast")


def test_an_address_that_varies_is_looked_for_each_time(routes: Routes) -> None:
    assert [find(routes, "GET", f"/ting/{nr}") for nr in (1, 2, 1)] == [
        ("ting", {"nr": "1"}), ("ting", {"nr": "2"}), ("ting", {"nr": "1"}),
    ]  # fmt: skip
    assert routes.adapter("GET", "/ting/1") is not routes.adapter("GET", "/ting/1")


def test_by_another_method_an_address_may_be_one_of_many(routes: Routes) -> None:
    for _ in range(2):
        assert find(routes, "POST", "/ting/alle") == ("alle", {})
        assert find(routes, "GET", "/ting/alle") == ("ting", {"nr": "alle"})


def test_what_there_is_not_is_told_each_time(routes: Routes) -> None:
    for _ in range(2):
        with pytest.raises(MethodNotAllowed):
            find(routes, "GET", "/fast")
        with pytest.raises(NotFound):
            find(routes, "GET", "/nowhere")
    assert find(routes, "POST", "/fast") == ("fast", {})


def test_nobody_can_change_what_the_next_one_gets(routes: Routes) -> None:
    _, arguments = routes.adapter("POST", "/fast").match(return_rule=True)
    assert isinstance(arguments, dict)
    arguments["nr"] = "1"
    assert find(routes, "POST", "/fast") == ("fast", {})
