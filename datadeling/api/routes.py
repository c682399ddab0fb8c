"""Finds the route of a call. One whose address is a route's, with no parts that vary, is looked for once.

To bind Werkzeug's map to a call and to go through it takes a tenth of what Python does for a lookup.
"""

from typing import Any

from werkzeug.routing import Map, MapAdapter


class Routes:
    """The routes of an application that has all of them."""

    def __init__(self, url_map: Map) -> None:
        self._map = url_map
        self._fixed = frozenset(rule.rule for rule in url_map.iter_rules() if not rule.arguments)
        self._found: dict[tuple[str, str], _Found] = {}

    def adapter(self, method: str, path: str) -> MapAdapter:
        """What has the route of such a call. Raise what `MapAdapter.match` raises, now or when asked."""
        found = self._found.get((method, path))
        if found is not None:
            return found
        adapter = self._map.bind("", path_info=path, default_method=method)
        if path not in self._fixed:  # there is no end of others
            return adapter
        return self._found.setdefault((method, path), _Found(adapter))


class _Found(MapAdapter):
    """One that has been asked, and answers the same again."""

    def __init__(self, adapter: MapAdapter) -> None:
        vars(self).update(vars(adapter))
        self._route = adapter.match(return_rule=True)

    def match(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 (as Flask asks, there is one answer)
        """The rule, and the parts that vary: by another method the address may be one of many after all."""
        rule, arguments = self._route
        return rule, dict(arguments)
