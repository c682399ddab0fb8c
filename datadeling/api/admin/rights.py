"""Who may see to replays and failed messages: whose token has the group of administrators.

The group is the check, whatever client asks, and on whose behalf: a person is a member because somebody has
made them one, and so is a machine.
"""

from collections.abc import Callable

from flask import g

from datadeling.api.security.tokens import Caller, forbidden
from datadeling.operations.action import OperatorAction


def only(group: str | None) -> Callable[[], None]:
    """For `before_request`, once the caller is known: raise `Problem` 403 for who is not in this group.

    Where there is no such group it is everybody.
    """

    def require() -> None:
        caller: Caller = g.caller
        if group is None:
            detail = "Tjenesten er satt opp uten en gruppe for administratorer."
            raise forbidden("MANGLER_GRUPPE", detail, caller, mangler="ADMIN_GROUP")
        if group not in caller.groups:
            detail = f"Tokenet mangler gruppen {group}."
            raise forbidden("MANGLER_GRUPPE", detail, caller, mangler=group)

    return require


def asked(begrunnelse: str | None = None) -> OperatorAction:
    """Who asks, for the record: the person, else the machine."""
    caller: Caller = g.caller
    machine = f"{caller.name} ({caller.consumer})" if caller.name else caller.consumer
    return OperatorAction(caller.nav_ident or machine, begrunnelse)
