"""Mapping route operations: list revisions, routes and trial results; activate, shadow and roll back."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.errors import InvalidField, NotFound, StateConflict
from app.revisions.models import MappedConnection, Route, RouteChange, Shadow
from app.revisions.store.mapping_routes import PostgresMappingRoutes
from app.revisions.store.trials import PostgresTrialBook
from app.revisions.views import MappingView, RevisionView, view_of
from app.vendors.models import Connection
from mappings.registry import VENDORS, AnyMapping, active, is_released

SampleRate = Annotated[float, Meta(gt=0, le=1)]
RevisionNumber = Annotated[int, Meta(ge=1, le=9999)]


class ShadowOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A revision to compare with the active one. `sample_rate` is a share, above 0 to 1."""

    revision: RevisionNumber
    """The revision. Example: `2`"""
    sample_rate: SampleRate = 0.1
    """The share to compare, above 0 to 1. Example: `0.1`"""


class RouteOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes to the route of a mapping at a connection. Absent leaves a setting unchanged; null removes it."""

    connection: Annotated[str, Meta(min_length=1, max_length=255)]
    """The connection. Example: `"hubspot"`"""
    active: RevisionNumber | None | UnsetType = UNSET
    """The revision to activate; null follows the newest released one. Example: `2`"""
    shadow: ShadowOrder | None | UnsetType = UNSET
    """The revision to compare with it; null ends the comparison."""


async def list_mappings(
    routes: PostgresMappingRoutes, book: PostgresTrialBook, connections: Mapping[str, Connection]
) -> list[MappingView]:
    """List every mapping, by name. Raises StoreUnavailable."""
    decided = {(route.connection, route.mapping): route for route in await routes.list()}
    shadows = await book.shadows()
    return [
        MappingView(
            name=name,
            revisions=tuple(
                RevisionView(revision=one.revision, released=is_released(one), vendor_api=one.vendor_api)
                for one in revisions
            ),
            routes=tuple(
                view_of(
                    place, decided.get((place.connection, name)), shadows, known=[one.revision for one in revisions]
                )
                for place in _places(revisions, connections)
            ),
        )
        for name, revisions in _every_mapping().items()
    ]


def places_to_pin(connections: Mapping[str, Connection]) -> list[MappedConnection]:
    """Return every mapping and connection whose default revision is released.

    An unreleased revision may still change, so it is not pinned.
    """
    return [
        place
        for revisions in _every_mapping().values()
        for place in _places(revisions, connections)
        if _has_released_default(revisions, place)
    ]


async def read_mapping(
    routes: PostgresMappingRoutes, book: PostgresTrialBook, connections: Mapping[str, Connection], name: str
) -> MappingView:
    """Return one mapping. Raises NotFound, StoreUnavailable."""
    _revisions_of(name)
    return next(one for one in await list_mappings(routes, book, connections) if one.name == name)


async def set_route(
    routes: PostgresMappingRoutes, connections: Mapping[str, Connection], name: str, order: RouteOrder, *, actor: str
) -> None:
    """Change a route. Every process follows within about a second. Raises NotFound, InvalidField, StoreUnavailable."""
    revisions = _revisions_of(name)
    place = _place(revisions, connections, order.connection)
    if (order.active, order.shadow) == (UNSET, UNSET):
        raise InvalidField.at("", "changes nothing; send active or shadow")
    route = await _route_of(routes, place.connection, name)
    if route is None and _has_released_default(revisions, place):
        # No process has pinned this connection yet. A route with only a shadow in it would look pinned, and the next
        # update of Lockstitch would change the active revision.
        await routes.pin([place])
    change = _change(revisions, place, route, order)
    await routes.change(place, change, actor=actor)
    await routes.refresh()


async def roll_back(
    routes: PostgresMappingRoutes, connections: Mapping[str, Connection], name: str, connection: str, *, actor: str
) -> int:
    """Activate the previously active revision and return its number. Raises NotFound, InvalidField, StateConflict."""
    revisions = _revisions_of(name)
    place = _place(revisions, connections, connection)
    decided = await _route_of(routes, connection, name)
    if decided is not None and decided.previous not in (None, *(one.revision for one in revisions)):
        raise StateConflict(
            f"r{decided.previous} of {name} was active before, but this version of Lockstitch does not include it."
        )
    route = await routes.roll_back(place, actor=actor)
    if route is None or route.active is None:
        raise StateConflict(f"{name} has no earlier revision to roll back to at {connection}.")
    await routes.refresh()
    return route.active


async def revision_at(routes: PostgresMappingRoutes, connection: str, name: str) -> int | None:
    """Return the active revision at a connection, or None for an unknown mapping. Raises StoreUnavailable."""
    revisions = _every_mapping().get(name)
    if revisions is None:
        return None
    route = await _route_of(routes, connection, name)
    if route is not None and route.active is not None:
        return route.active
    newest = active(VENDORS[revisions[0].vendor], revisions[0].object)
    return None if newest is None else newest.revision


def newest_released(name: str) -> int | None:
    """Return the newest released revision of a mapping; None if it has none."""
    return max((one.revision for one in _every_mapping().get(name, ()) if is_released(one)), default=None)


def _has_released_default(revisions: Sequence[AnyMapping], place: MappedConnection) -> bool:
    return any(one.revision == place.default and is_released(one) for one in revisions)


async def _route_of(routes: PostgresMappingRoutes, connection: str, name: str) -> Route | None:
    decided = await routes.list()
    return next((route for route in decided if (route.connection, route.mapping) == (connection, name)), None)


def _change(
    revisions: Sequence[AnyMapping], place: MappedConnection, route: Route | None, order: RouteOrder
) -> RouteChange:
    """Validate the order. The shadow must differ from the revision that will be active."""
    known = {one.revision: one for one in revisions}
    present = place.default if route is None or route.active is None else route.active
    will_be = present if isinstance(order.active, UnsetType) else order.active or place.default
    if isinstance(order.active, int) and not is_released(_known(known, order.active, "/active")):
        detail = f"r{order.active} is not released and may still change; shadow it, or release it first"
        raise InvalidField.at("/active", detail)
    if not isinstance(order.shadow, ShadowOrder):
        return RouteChange(active=order.active, shadow=order.shadow)
    revision = order.shadow.revision
    _known(known, revision, "/shadow/revision")
    if revision == will_be:
        raise InvalidField.at("/shadow/revision", f"r{revision} is the active revision; choose another one to try")
    return RouteChange(active=order.active, shadow=Shadow(revision=revision, sample_rate=order.shadow.sample_rate))


def _known(known: Mapping[int, AnyMapping], revision: int, pointer: str) -> AnyMapping:
    mapping = known.get(revision)
    if mapping is None:
        raise InvalidField.at(pointer, f"r{revision} does not exist; choose one of {', '.join(f'r{n}' for n in known)}")
    return mapping


def _every_mapping() -> dict[str, list[AnyMapping]]:
    by_name: dict[str, list[AnyMapping]] = {}
    for vendor in VENDORS.values():
        for mapping in sorted(vendor.mappings, key=lambda mapping: mapping.revision):
            by_name.setdefault(mapping.name, []).append(mapping)
    return dict(sorted(by_name.items()))


def _revisions_of(name: str) -> list[AnyMapping]:
    every = _every_mapping()
    if name not in every:
        raise NotFound(f"Unknown mapping {name[:80]!r}. Known mappings: {', '.join(every)}.")
    return every[name]


def _places(revisions: Sequence[AnyMapping], connections: Mapping[str, Connection]) -> list[MappedConnection]:
    """Return the connections that use this mapping."""
    first = revisions[0]
    places = []
    for name, connection in sorted(connections.items()):
        newest = active(connection.vendor, first.object) if connection.vendor.name == first.vendor else None
        if newest is not None:
            places.append(MappedConnection(connection=name, mapping=first.name, default=newest.revision))
    return places


def _place(revisions: Sequence[AnyMapping], connections: Mapping[str, Connection], connection: str) -> MappedConnection:
    places = _places(revisions, connections)
    for place in places:
        if place.connection == connection:
            return place
    known = ", ".join(place.connection for place in places) or "none"
    detail = f"is not a connection that uses {revisions[0].name}; choose one of: {known}"
    raise InvalidField.at("/connection", detail)
