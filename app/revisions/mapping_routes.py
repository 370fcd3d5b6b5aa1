"""Mapping routes for operators: which revisions there are, which one is at work where, what came of those that are
tried, and the switches."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.errors import InvalidField, NotFound, StateConflict
from app.revisions.models import MappedConnection, MappingRoutes, Route, RouteChange, Shadow, TrialBook
from app.revisions.views import MappingView, RevisionView, view_of
from app.vendors.models import Connection
from mappings.registry import VENDORS, AnyMapping, active, is_released

Share = Annotated[float, Meta(gt=0, le=1)]
RevisionNumber = Annotated[int, Meta(ge=1, le=9999)]


class ShadowOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A revision to compare with the active one."""

    revision: RevisionNumber
    sample_rate: Share = 0.1


class CanaryOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A revision that is to answer for a share of the records."""

    revision: RevisionNumber
    share: Share = 0.1


class RouteOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to decide for a mapping at a connection: absent leaves, null takes away."""

    connection: Annotated[str, Meta(min_length=1, max_length=255)]
    active: RevisionNumber | None | UnsetType = UNSET
    shadow: ShadowOrder | None | UnsetType = UNSET
    canary: CanaryOrder | None | UnsetType = UNSET


async def list_mappings(
    routes: MappingRoutes, book: TrialBook, connections: Mapping[str, Connection]
) -> list[MappingView]:
    """Every mapping, by name. Raises StoreUnavailable."""
    decided = {(route.connection, route.mapping): route for route in await routes.list()}
    shadows, weighings = await book.shadows(), await book.canaries()
    return [
        MappingView(
            name=name,
            revisions=tuple(
                RevisionView(revision=one.revision, released=is_released(one), vendor_api=one.vendor_api)
                for one in revisions
            ),
            routes=tuple(
                view_of(
                    place,
                    decided.get((place.connection, name)),
                    shadows,
                    weighings,
                    known=[one.revision for one in revisions],
                )
                for place in _places(revisions, connections)
            ),
        )
        for name, revisions in _every_mapping().items()
    ]


def places_to_pin(connections: Mapping[str, Connection]) -> list[MappedConnection]:
    """Every mapping at every connection that is at work by a released revision: one that may still change is not worth
    keeping."""
    return [
        place
        for revisions in _every_mapping().values()
        for place in _places(revisions, connections)
        if _is_settled(revisions, place)
    ]


async def read_mapping(
    routes: MappingRoutes, book: TrialBook, connections: Mapping[str, Connection], name: str
) -> MappingView:
    """One mapping. Raises NotFound, StoreUnavailable."""
    _revisions_of(name)
    return next(one for one in await list_mappings(routes, book, connections) if one.name == name)


async def set_route(
    routes: MappingRoutes, connections: Mapping[str, Connection], name: str, order: RouteOrder, *, actor: str
) -> None:
    """Decide; every process keeps to it within about a second. Raises NotFound, InvalidField, StoreUnavailable."""
    revisions = _revisions_of(name)
    place = _place(revisions, connections, order.connection)
    if (order.active, order.shadow, order.canary) == (UNSET, UNSET, UNSET):
        raise InvalidField.at("", "names nothing to change: send active, shadow or canary")
    route = await _route_of(routes, place.connection, name)
    if route is None and _is_settled(revisions, place):
        # No process has begun with this connection yet. A decision about a trial must not stand in for its pin: with
        # an update it would change what answers.
        await routes.pin([place])
    change = _change(revisions, place, route, order)
    await routes.change(place, change, actor=actor)
    await routes.refresh()


async def roll_back(
    routes: MappingRoutes, connections: Mapping[str, Connection], name: str, connection: str, *, actor: str
) -> int:
    """Back to the revision that was active before; its number. Raises NotFound, InvalidField, StateConflict."""
    revisions = _revisions_of(name)
    place = _place(revisions, connections, connection)
    decided = await _route_of(routes, connection, name)
    if decided is not None and decided.previous not in (None, *(one.revision for one in revisions)):
        raise StateConflict(
            f"r{decided.previous} of {name} was active before, and this version of Lockstitch does not have it."
        )
    route = await routes.roll_back(place, actor=actor)
    if route is None or route.active is None:
        raise StateConflict(f"At {connection} no other revision of {name} was active before.")
    await routes.refresh()
    return route.active


async def revision_at(routes: MappingRoutes, connection: str, name: str) -> int | None:
    """The revision that is active at a connection; None for a mapping that there is not. Raises StoreUnavailable."""
    revisions = _every_mapping().get(name)
    if revisions is None:
        return None
    route = await _route_of(routes, connection, name)
    if route is not None and route.active is not None:
        return route.active
    newest = active(VENDORS[revisions[0].vendor], revisions[0].object)
    return None if newest is None else newest.revision


def newest_released(name: str) -> int | None:
    """The newest released revision of a mapping; None for one that has none."""
    return max((one.revision for one in _every_mapping().get(name, ()) if is_released(one)), default=None)


def _is_settled(revisions: Sequence[AnyMapping], place: MappedConnection) -> bool:
    """Whether what is at work there without a route is released."""
    return any(one.revision == place.default and is_released(one) for one in revisions)


async def _route_of(routes: MappingRoutes, connection: str, name: str) -> Route | None:
    decided = await routes.list()
    return next((route for route in decided if (route.connection, route.mapping) == (connection, name)), None)


def _change(
    revisions: Sequence[AnyMapping], place: MappedConnection, route: Route | None, order: RouteOrder
) -> RouteChange:
    """The order, judged. What is to be tried has to differ from what will be active."""
    known = {one.revision: one for one in revisions}
    present = place.default if route is None or route.active is None else route.active
    will_be = present if isinstance(order.active, UnsetType) else order.active or place.default
    if isinstance(order.active, int):
        _require(known, order.active, "/active", released=True)
    shadow: Shadow | None | UnsetType = UNSET
    if not isinstance(order.shadow, UnsetType):
        shadow = None
        if order.shadow is not None:
            _require(known, order.shadow.revision, "/shadow/revision", unlike=will_be)
            shadow = Shadow(revision=order.shadow.revision, sample_rate=order.shadow.sample_rate)
    change = RouteChange(active=order.active, shadow=shadow)
    if isinstance(order.canary, UnsetType):
        return change
    if order.canary is None:
        return RouteChange(active=order.active, shadow=shadow, canary_revision=None)
    _require(known, order.canary.revision, "/canary/revision", unlike=will_be, released=True)
    return RouteChange(
        active=order.active,
        shadow=shadow,
        canary_revision=order.canary.revision,
        canary_share=order.canary.share,
    )


def _require(
    known: Mapping[int, AnyMapping], revision: int, pointer: str, *, unlike: int | None = None, released: bool = False
) -> None:
    mapping = known.get(revision)
    if mapping is None:
        raise InvalidField.at(pointer, f"there is no r{revision}; there are: {', '.join(f'r{one}' for one in known)}")
    if revision == unlike:
        raise InvalidField.at(pointer, f"r{revision} is the active revision: there is nothing to try")
    if released and not is_released(mapping):
        detail = f"r{revision} is not released, so it may still change; shadow it, or release it first"
        raise InvalidField.at(pointer, detail)


def _every_mapping() -> dict[str, list[AnyMapping]]:
    found: dict[str, list[AnyMapping]] = {}
    for vendor in VENDORS.values():
        for mapping in sorted(vendor.mappings, key=lambda mapping: mapping.revision):
            found.setdefault(mapping.name, []).append(mapping)
    return dict(sorted(found.items()))


def _revisions_of(name: str) -> list[AnyMapping]:
    every = _every_mapping()
    if name not in every:
        raise NotFound(f"No mapping is called {name[:80]!r}; there are: {', '.join(every)}.")
    return every[name]


def _places(revisions: Sequence[AnyMapping], connections: Mapping[str, Connection]) -> list[MappedConnection]:
    """The connections that understand records by this mapping."""
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
    detail = f"is no connection that {revisions[0].name} is at work at; there are: {known}"
    raise InvalidField.at("/connection", detail)
