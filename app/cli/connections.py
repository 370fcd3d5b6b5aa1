"""`lockstitch connections`: show, pause and resume connections."""

import os
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from cyclopts import App, Parameter

from app.cli.commands import declare_action, declare_list
from app.cli.database import find_settings
from app.cli.open_vault import OpenedVault, with_vault
from app.cli.open_vendors import NoSecrets, open_vendors
from app.cli.tables import Cells, moment, print_view, span
from app.monitoring.advice import in_commands
from app.vendors.connections import (
    BudgetView,
    ConnectionView,
    PausedConnection,
    pause_connection,
    resume_connection,
)
from app.vendors.deps import VendorDeps
from app.vendors.refused_webhooks import described
from app.walks.deps import FreshnessView
from app.walks.pull.freshness import ConnectionStatus, ObjectFreshness, list_statuses, read_status, rules_of

T = TypeVar("T")

connections = App(name="connections")
COLUMNS = ("connection", "state, since", "age of data", "limit left", "note")
NAME = Parameter(name="NAME", help="The connection, as in `lockstitch.toml`.")


class Opened(NamedTuple):
    """The connections, and the freshness of their data."""

    vendors: VendorDeps
    freshness: FreshnessView

    async def list(self) -> list[ConnectionStatus]:
        """Return every connection."""
        return await list_statuses(*self)

    async def read(self, name: str) -> ConnectionStatus:
        """Return one. Raises NotFound."""
        return await read_status(*self, name)


def opened(do: Callable[[Opened], Awaitable[T]]) -> T:
    """Run `do` with the connections. It sends nothing, so no secret has to be in this environment."""

    async def open_and_do(vault: OpenedVault) -> T:
        async with open_vendors(vault, NoSecrets) as vendors:
            rules = rules_of(vault.settings, vendors.connections)
            return await do(Opened(vendors, FreshnessView(rules=rules, database=vault.database)))

    return with_vault(find_settings(os.environ), open_and_do)


def opened_vendors(do: Callable[[VendorDeps], Awaitable[T]]) -> T:
    """Run `do` with the connections alone."""
    return opened(lambda deps: do(deps.vendors))


@declare_list(
    connections,
    opened,
    Opened.list,
    COLUMNS,
    none="There is no connection. LOCKSTITCH_CONFIG names the file.",
    alone=True,
)
def list_row(one: ConnectionStatus) -> Cells:
    """List the connections: their state, how old their data are, and how much of the vendor's limit is left."""
    until = None if one.until is None else f"until {moment(one.until)}"
    missing = f"missing scopes: {', '.join(one.scopes.missing)}" if one.scopes and one.scopes.missing else None
    refused = None if one.refused_webhooks is None else described(one.refused_webhooks)
    webhook = None if one.last_webhook_at is None else f"last webhook\n{moment(one.last_webhook_at)}"
    return (
        f"{one.name}\n{one.vendor}",
        one.state if one.since is None else f"{one.state}\n{moment(one.since)}",
        "\n".join(filter(None, (*map(_age, one.freshness), webhook))),
        "".join(_left(budget, gap="\n") for budget in one.budgets[:1]),
        ", ".join(filter(None, (one.note, until, missing, refused))),
    )


@declare_action(connections, opened, Opened.read, name=NAME)
def show(one: ConnectionStatus) -> None:
    """Show a connection: its state, data, the vendor's limit, scopes, refused webhooks, and what you can do."""
    print_view(
        one,
        budgets="\n".join(map(_left, one.budgets)),
        freshness="\n".join(map(_data, one.freshness)),
    )


@declare_action(connections, opened_vendors, pause_connection, name=NAME)
def pause(one: PausedConnection) -> str:
    """Stop the requests and jobs of a connection in all processes, until someone resumes it. Nothing is lost."""
    kept = f"was paused already ({one.note}). Your note was not kept." if one.was_paused else f"is {one.state}."
    return f"{one.name} {kept} To resume it: lockstitch connections resume {one.name}"


@declare_action(connections, opened_vendors, resume_connection, name=NAME)
def resume(one: ConnectionView) -> str:
    """Resume a connection in all processes. They forget its throttles and failures within about a second."""
    step = f"It is {one.state}." if one.next_step is None else in_commands(one.next_step).removeprefix("Resumed. ")
    return f"{one.name} is resumed. {step}"


def _age(one: ObjectFreshness) -> str:
    """Return how old the data of an object are, and what is wrong with that."""
    age = "never pulled" if one.as_of is None or one.age_seconds is None else span(one.age_seconds)
    return f"{one.object.replace('_', ' ')} {age}{', too old' if one.state == 'breached' else ''}"


def _data(one: ObjectFreshness) -> str:
    """Return the age of the data of an object, its limit, and why no pull completes."""
    limit = None if one.limit_seconds is None else f"limit {span(one.limit_seconds)}"
    failure = None if one.last_failure is None else f"the last pull failed: {one.last_failure}"
    return ", ".join(filter(None, (_age(one), limit, failure, one.next_step and in_commands(one.next_step))))


def _left(one: BudgetView, *, gap: str = " ") -> str:
    bucket = "" if one.bucket == "default" else f", {one.bucket}"
    return f"{one.headroom:,.0f} of {one.units:,.0f}{gap}per {one.per_seconds:g} s{bucket}"
