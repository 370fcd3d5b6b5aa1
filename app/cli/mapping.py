"""`lockstitch mapping`: list, try, activate and roll back mapping revisions."""

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from app.cli.database import find_settings
from app.cli.exits import usage
from app.cli.mapping_tables import shadow_of, show_differences, show_route
from app.cli.operators import actor, with_operators
from app.cli.printing import Flag, Json, write_json
from app.cli.tables import table
from app.http.paging import whole_list
from app.revisions.deps import RevisionDeps
from app.revisions.mapping_routes import RouteOrder, ShadowOrder, list_mappings, read_mapping, roll_back, set_route
from app.revisions.views import MappingView
from app.vendors.configured_connections import connections_of
from app.vendors.models import Connection

REVISION: Final = re.compile(r"([^@]+)@r([1-9][0-9]{0,3})")

Connections = Mapping[str, Connection]
Name = Annotated[str, Parameter(name="VENDOR.OBJECT")]
Named = Annotated[str, Parameter(name="VENDOR.OBJECT@rN")]
At = Annotated[str | None, Parameter(name="--connection")]

mapping = App(name="mapping", help="List, try, activate and roll back mapping revisions.")


@mapping.command(name="list")
def list_all(*, json: Json = False) -> None:
    """List every mapping, its revisions, and the active one at each connection.

    Parameters
    ----------
    json
        Print JSON.
    """
    connections = _connections()
    found = with_operators(RevisionDeps, lambda deps: list_mappings(deps.mapping_routes, deps.trial_book, connections))
    if json:
        write_json(whole_list(found))
        return
    shown = table("mapping", "revisions", "connection", "active", "shadow")
    for one in found:
        revisions = " ".join(f"r{each.revision}{'' if each.released else ' (not released)'}" for each in one.revisions)
        for route in one.routes or (None,):
            active = "" if route is None else f"r{route.active}{'' if route.pinned else ' (newest)'}"
            shown.add_row(
                Text(one.name),
                Text(revisions),
                Text("" if route is None else route.connection),
                active,
                shadow_of(route),
            )
    Console().print(shown)


@mapping.command
def show(name: Name, /, *, json: Json = False) -> None:
    """Show one mapping with its routes and trial results.

    Parameters
    ----------
    name
        The mapping, such as hubspot.customer.
    json
        Print JSON.
    """
    found = _read(name)
    if json:
        write_json(found)
        return
    console = Console()
    console.print(Text(found.name, style="bold"))
    for each in found.revisions:
        console.print(f"  r{each.revision}, API {each.vendor_api}, {'released' if each.released else 'not released'}")
    for route in found.routes:
        show_route(route, console)


@mapping.command
def diff(name: Name, /, *, connection: At = None, json: Json = False) -> None:
    """Show where a shadow and the active revision differ, field by field.

    Parameters
    ----------
    name
        The mapping, such as hubspot.customer.
    connection
        Only at this connection.
    json
        Print JSON.
    """
    found = _read(name)
    routes = [route for route in found.routes if connection in (None, route.connection)]
    comparisons = [(route.connection, one) for route in routes for one in route.comparisons]
    if json:
        write_json([{"connection": where, **msgspec.to_builtins(one)} for where, one in comparisons])
        return
    console = Console()
    if not comparisons:
        console.print(f"No comparisons yet. To start some: lockstitch mapping shadow {name}@rN")
    for where, one in comparisons:
        show_differences(where, one, console)


@mapping.command
def activate(named: Named, /, *, connection: At = None, json: Json = False) -> None:
    """Activate a released revision. Takes effect within about a second.

    Parameters
    ----------
    named
        The revision, such as hubspot.customer@r2.
    connection
        The connection. Required if several use the mapping.
    json
        Print JSON.
    """
    name, revision = _revision(named)
    _set_route(name, connection, json, lambda where: RouteOrder(connection=where, active=revision))


@mapping.command
def rollback(name: Name, /, *, connection: At = None, json: Json = False) -> None:
    """Activate the previous revision, and end the shadow. Exits with 3 if there is no previous revision.

    Parameters
    ----------
    name
        The mapping, such as hubspot.customer.
    connection
        The connection. Required if several use the mapping.
    json
        Print JSON.
    """
    where = _one_connection(name, connection)
    _decide(name, where, lambda deps, known: roll_back(deps.mapping_routes, known, name, where, actor=actor()), json)


@mapping.command
def shadow(
    named: Named,
    /,
    *,
    connection: At = None,
    rate: float = 0.1,
    off: Flag = False,
    json: Json = False,
) -> None:
    """Compare a revision with the active one on a sample of the traffic. Callers never see its results.

    Parameters
    ----------
    named
        The revision, such as hubspot.customer@r2.
    connection
        The connection. Required if several use the mapping.
    rate
        The share of the traffic to compare, above 0 to 1.
    off
        End the comparison.
    json
        Print JSON.
    """
    name, revision = _revision(named)
    if not 0 < rate <= 1:
        usage(f"--rate {rate}: must be above 0 and at most 1.")
    order = None if off else ShadowOrder(revision=revision, sample_rate=rate)
    _set_route(name, connection, json, lambda where: RouteOrder(connection=where, shadow=order))


def _set_route(name: str, connection: str | None, json: bool, order_of: Callable[[str], RouteOrder]) -> None:
    where = _one_connection(name, connection)
    _decide(
        name,
        where,
        lambda deps, known: set_route(deps.mapping_routes, known, name, order_of(where), actor=actor()),
        json,
    )


def _decide(
    name: str, where: str, decide: Callable[[RevisionDeps, Connections], Awaitable[object]], json: bool
) -> None:
    """Change the route at one connection, then show it."""
    connections = _connections()

    async def decide_and_read(deps: RevisionDeps) -> MappingView:
        await decide(deps, connections)
        return await read_mapping(deps.mapping_routes, deps.trial_book, connections, name)

    found = with_operators(RevisionDeps, decide_and_read)
    if json:
        write_json(found)
        return
    route = next(route for route in found.routes if route.connection == where)
    console = Console()
    console.print(Text(found.name, style="bold"))
    show_route(route, console)


def _read(name: str) -> MappingView:
    connections = _connections()
    return with_operators(
        RevisionDeps, lambda deps: read_mapping(deps.mapping_routes, deps.trial_book, connections, name)
    )


def _connections() -> Connections:
    return connections_of(find_settings(os.environ)).by_name


def _one_connection(name: str, connection: str | None) -> str:
    """Return the given connection, or the only one that uses the mapping."""
    if connection is not None:
        return connection
    users = [route.connection for route in _read(name).routes]
    if len(users) != 1:
        usage(f"--connection is required. Connections that use {name}: {', '.join(users) or 'none'}.")
    return users[0]


def _revision(named: str) -> tuple[str, int]:
    match = REVISION.fullmatch(named)
    if match is None:
        usage(f"{named}: must be a revision, such as hubspot.customer@r2.")
    return match[1], int(match[2])
