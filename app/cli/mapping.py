"""`lockstitch mapping`: list, try, activate and roll back mapping revisions."""

import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec
from cyclopts import App, Parameter

from app.cli.commands import declare_action
from app.cli.database import find_settings, with_database
from app.cli.exits import usage
from app.cli.operators import actor
from app.cli.printing import Flag, Json, say, write_json
from app.cli.tables import Cells, moment, print_table
from app.http.paging import Page, whole_list
from app.revisions.deps import RevisionDeps
from app.revisions.mapping_routes import RouteOrder, ShadowOrder, list_mappings, read_mapping, roll_back, set_route
from app.revisions.views import DifferenceView, MappingView, RouteView, ShadowView
from app.vendors.configured_connections import connections_of
from app.vendors.models import Connection
from app.wiring.revisions import revisions_on

T = TypeVar("T")
REVISION: Final = re.compile(r"([^@]+)@r([1-9][0-9]{0,3})")
NAME: Final = Parameter(name="VENDOR.OBJECT", help="The mapping, such as hubspot.customer.")
SHARE: Final = Parameter(help="The share of the traffic to compare, above 0 to 1.")

Named = Annotated[str, Parameter(name="VENDOR.OBJECT@rN", help="The revision, such as hubspot.customer@r2.")]
At = Annotated[str | None, Parameter(help="The connection. Required if several use the mapping.")]

mapping = App(name="mapping")


class Revisions(NamedTuple):
    """The mapping routes with the results of shadows, and the configured connections."""

    deps: RevisionDeps
    connections: Mapping[str, Connection]

    async def list(self) -> Page:
        """List every mapping, by name."""
        return whole_list(await list_mappings(self.deps.mapping_routes, self.deps.trial_book, self.connections))

    async def read(self, name: str) -> MappingView:
        """Return one mapping. Raises NotFound."""
        return await read_mapping(self.deps.mapping_routes, self.deps.trial_book, self.connections, name)

    async def set(self, name: str, order: RouteOrder) -> None:
        """Change a route. Raises NotFound and InvalidField."""
        await set_route(self.deps.mapping_routes, self.connections, name, order, actor=actor())

    async def roll_back(self, name: str, connection: str) -> None:
        """Activate the previous revision. Raises NotFound, InvalidField and StateConflict."""
        await roll_back(self.deps.mapping_routes, self.connections, name, connection, actor=actor())


def opened(do: Callable[[Revisions], Awaitable[T]]) -> T:
    """Run `do` with the revisions of the configured connections."""
    connections = connections_of(find_settings(os.environ)).by_name
    return with_database(lambda database: do(Revisions(revisions_on(database), connections)))


@declare_action(mapping, opened, Revisions.list)
def list_(page: Page) -> None:
    """List every mapping, its revisions, and the active one at each connection."""
    print_mappings(page.data)


def print_mappings(views: Sequence[MappingView]) -> None:
    """Print a row for each mapping and connection."""
    rows = [(one, route) for one in views for route in one.routes or (None,)]
    print_table(("mapping", "revisions", "connection", "active", "shadow"), rows, _row)


@declare_action(mapping, opened, Revisions.read, name=NAME)
def show(view: MappingView) -> None:
    """Show one mapping with its routes and trial results."""
    say(view.name)
    for each in view.revisions:
        say(f"  r{each.revision}, API {each.vendor_api}, {'released' if each.released else 'not released'}")
    for route in view.routes:
        _show_route(route)


@mapping.command
def diff(
    name: Annotated[str, NAME],
    /,
    *,
    connection: Annotated[str | None, Parameter(help="Only at this connection.")] = None,
    json: Json = False,
) -> None:
    """Show where a shadow and the active revision differ, field by field."""
    routes = [route for route in _read(name).routes if connection in (None, route.connection)]
    comparisons = [(route.connection, one) for route in routes for one in route.comparisons]
    if json:
        write_json(whole_list([{"connection": where, **msgspec.to_builtins(one)} for where, one in comparisons]))
        return
    if not comparisons:
        say(f"No comparisons yet. A shadow compares what is read or written: lockstitch mapping shadow {name}@rN")
    for where, one in comparisons:
        _show_differences(where, one)


@mapping.command
def activate(named: Named, /, *, connection: At = None, json: Json = False) -> None:
    """Activate a released revision. Takes effect within about a second."""
    name, revision = _revision(named)
    where = connection or _only_connection(name)
    _decide(name, where, lambda revisions: revisions.set(name, RouteOrder(connection=where, active=revision)), json)


@mapping.command
def rollback(name: Annotated[str, NAME], /, *, connection: At = None, json: Json = False) -> None:
    """Activate the previous revision, and end the shadow. Exits with 3 if there is no previous revision."""
    where = connection or _only_connection(name)
    _decide(name, where, lambda revisions: revisions.roll_back(name, where), json)


@mapping.command
def shadow(
    named: Named,
    /,
    *,
    connection: At = None,
    rate: Annotated[float, SHARE] = 0.1,
    off: Annotated[Flag, Parameter(help="End the comparison.")] = False,
    json: Json = False,
) -> None:
    """Compare a revision with the active one on a sample of the traffic. Callers never see its results."""
    name, revision = _revision(named)
    if not 0 < rate <= 1:
        usage(f"--rate {rate}: must be above 0 and at most 1.")
    where = connection or _only_connection(name)
    order = RouteOrder(connection=where, shadow=None if off else ShadowOrder(revision=revision, sample_rate=rate))
    _decide(name, where, lambda revisions: revisions.set(name, order), json)


def _decide(name: str, where: str, decide: Callable[[Revisions], Awaitable[None]], json: bool) -> None:
    """Change the route at one connection, then show it."""

    async def decide_and_read(revisions: Revisions) -> MappingView:
        await decide(revisions)
        return await revisions.read(name)

    view = opened(decide_and_read)
    if json:
        write_json(view)
        return
    say(view.name)
    _show_route(next(route for route in view.routes if route.connection == where))


def _read(name: str) -> MappingView:
    return opened(lambda revisions: revisions.read(name))


def _only_connection(name: str) -> str:
    """Return the only connection that uses the mapping. Exits if there is another number of them."""
    users = [route.connection for route in _read(name).routes]
    if len(users) != 1:
        usage(f"--connection is required. Connections that use {name}: {', '.join(users) or 'none'}.")
    return users[0]


def _revision(named: str) -> tuple[str, int]:
    match = REVISION.fullmatch(named)
    if match is None:
        usage(f"{named}: must be a revision, such as hubspot.customer@r2.")
    return match[1], int(match[2])


def _row(mapped: tuple[MappingView, RouteView | None]) -> Cells:
    view, route = mapped
    revisions = " ".join(f"r{each.revision}{'' if each.released else ' (not released)'}" for each in view.revisions)
    if route is None:
        return view.name, revisions
    active = f"r{route.active}{'' if route.pinned else ' (newest)'}"
    return view.name, revisions, route.connection, active, _shadow_of(route)


def _shadow_of(route: RouteView) -> str:
    """Return the shadow with its sample rate; empty for none."""
    return "" if route.shadow is None else f"r{route.shadow.revision} ({route.shadow.sample_rate:.0%})"


def _show_route(route: RouteView) -> None:
    """Print the route at one connection and the results of shadows."""
    newest = "" if route.pinned else ", the newest released one"
    say("", f"at {route.connection}: r{route.active} is active{newest}")
    if route.previous is not None:
        say(f"  previous: r{route.previous}")
    if route.shadow is not None:
        say(f"  shadow: {_shadow_of(route)}")
    if route.changed_at is not None:
        say(f"  changed {moment(route.changed_at)} by {route.changed_by}")
    for one in route.comparisons:
        say(f"  {_summary(one)}")


def _summary(one: ShadowView) -> str:
    dropped = f", {one.dropped} dropped" if one.dropped else ""
    return f"r{one.shadow} against r{one.active}: {one.differing} of {one.compared} differ{dropped}"


def _show_differences(where: str, one: ShadowView) -> None:
    """Print the differences of a shadow, one row per sample, grouped by path."""
    say(f"{where}: {_summary(one)}, {moment(one.first_at)} to {moment(one.last_at)}")
    rows = [row for difference in one.differences for row in _rows_of(difference)]
    if rows:
        print_table(("path", "in", "count", f"r{one.active}", f"r{one.shadow}"), rows, tuple)


def _rows_of(difference: DifferenceView) -> Iterator[Cells]:
    head = difference.path or "(whole record)", difference.passing, str(difference.count)
    for at, sample in enumerate(difference.samples or ({},)):
        yield *(("", "", "") if at else head), _side(sample, "active"), _side(sample, "shadow")


def _side(sample: Mapping[str, str | bool | None], side: str) -> str:
    if side not in sample:
        return "-"
    value = sample[side]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
