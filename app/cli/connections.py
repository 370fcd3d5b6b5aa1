"""`lockstitch connections`: show, pause and resume connections."""

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cyclopts import App, Parameter

from app.cli.commands import declare_action, declare_list
from app.cli.database import find_settings
from app.cli.open_vault import OpenedVault, with_vault
from app.cli.tables import Cells, moment, print_view
from app.vendors.connections import (
    BudgetView,
    ConnectionView,
    list_connections,
    pause_connection,
    read_connection,
    resume_connection,
)
from app.vendors.deps import VendorDeps
from app.vendors.refused_webhooks import described

T = TypeVar("T")

connections = App(name="connections")
NAME = Parameter(name="NAME", help="The connection, as in `lockstitch.toml`.")


def opened(do: Callable[[VendorDeps], Awaitable[T]]) -> T:
    """Run `do` with the connections. It sends nothing, so no secret has to be in this environment."""
    from app.cli.connect import NoSecrets, open_vendors  # noqa: PLC0415

    async def open_and_do(vault: OpenedVault) -> T:
        async with open_vendors(vault, NoSecrets) as vendors:
            return await do(vendors)

    return with_vault(find_settings(os.environ), open_and_do)


@declare_list(
    connections,
    opened,
    list_connections,
    ("connection", "vendor", "state", "left", "note"),
    none="There is no connection. LOCKSTITCH_CONFIG names the file.",
    alone=True,
)
def list_row(one: ConnectionView) -> Cells:
    """List the connections with their state, and how much of the vendor's limit is left."""
    times = (("since", one.since), ("until", one.until))
    missing = f"missing scopes: {', '.join(one.scopes.missing)}" if one.scopes and one.scopes.missing else None
    notes = (one.note, *(f"{word} {moment(at)}" for word, at in times if at is not None), missing, _refused(one))
    return one.name, one.vendor, one.state, _left(one.budgets[:1]), ", ".join(filter(None, notes))


@declare_action(connections, opened, read_connection, name=NAME)
def show(one: ConnectionView) -> None:
    """Show a connection: its state, the vendor's limit, scopes, refused webhooks, and what you can do."""
    print_view(one)


@declare_action(connections, opened, pause_connection, name=NAME)
def pause(one: ConnectionView) -> str:
    """Stop the requests and jobs of a connection in all processes, until someone resumes it. Nothing is lost."""
    return f"{one.name} is {one.state}. To resume it: lockstitch connections resume {one.name}"


@declare_action(connections, opened, resume_connection, name=NAME)
def resume(one: ConnectionView) -> str:
    """Resume a connection in all processes. They forget its throttles and failures within about a second."""
    return f"{one.name} is resumed: {one.state}."


def _left(budgets: list[BudgetView]) -> str:
    return ", ".join(f"{one.headroom:,.0f} of {one.units:,.0f} per {one.per_seconds:g} s" for one in budgets)


def _refused(one: ConnectionView) -> str | None:
    return None if one.refused_webhooks is None else described(one.refused_webhooks)
