"""The operator views of mappings: revisions, routes and trial results."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from app.revisions.models import Canary, CanaryTally, MappedConnection, Passing, Route, Shadow, ShadowFigures


class RevisionView(Struct, frozen=True, kw_only=True):
    """One revision. A released revision never changes; only a released one may become active or a canary."""

    revision: int
    released: bool
    vendor_api: str


class DifferenceView(Struct, frozen=True, kw_only=True):
    """One path at which two revisions differ.

    A sample holds both results for one record, without personal data. A side that lacks the member is absent.
    """

    passing: Passing
    path: str
    count: int
    first_seen: datetime
    last_seen: datetime
    samples: tuple[dict[str, str | bool | None], ...]


class ShadowView(Struct, frozen=True, kw_only=True):
    """A comparison of two revisions, running or ended."""

    active: int
    shadow: int
    compared: int
    differing: int
    dropped: int
    first_at: datetime
    last_at: datetime
    differences: tuple[DifferenceView, ...]


class CanaryView(Struct, frozen=True, kw_only=True):
    """The results of a canary, compared with the active revision on the same records."""

    active: int
    canary: int
    weighed: int
    refused: int
    refused_by_active: int
    lost_more: int
    lost_less: int


class RouteView(Struct, frozen=True, kw_only=True):
    """A mapping at a connection.

    If `pinned`, the revision stays across updates of Lockstitch; otherwise it is the newest released one.
    """

    connection: str
    active: int
    pinned: bool
    previous: int | None
    shadow: Shadow | None
    canary: Canary | None
    note: str | None
    changed_by: str | None
    changed_at: datetime | None
    comparisons: tuple[ShadowView, ...]
    weighings: tuple[CanaryView, ...]


class MappingView(Struct, frozen=True, kw_only=True):
    """A mapping, its revisions, and its route at each connection."""

    name: str
    revisions: tuple[RevisionView, ...]
    routes: tuple[RouteView, ...]


def view_of(
    place: MappedConnection,
    route: Route | None,
    shadows: Sequence[ShadowFigures],
    weighings: Sequence[CanaryTally],
    *,
    known: Sequence[int],
) -> RouteView:
    """Combine the route and the trial results of a mapping at a connection.

    The default revision is active where the routed one is not `known`, such as after a downgrade of Lockstitch.
    """
    pinned = None if route is None else route.active
    at = (place.connection, place.mapping)
    return RouteView(
        connection=place.connection,
        active=pinned if pinned is not None and pinned in known else place.default,
        pinned=pinned is not None,
        previous=None if route is None else route.previous,
        shadow=None if route is None else route.shadow,
        canary=None if route is None else route.canary,
        note=None if route is None else route.note,
        changed_by=None if route is None else route.changed_by,
        changed_at=None if route is None else route.changed_at,
        comparisons=tuple(_comparison(one) for one in shadows if (one.key.connection, one.key.mapping) == at),
        weighings=tuple(_canary(one) for one in weighings if (one.key.connection, one.key.mapping) == at),
    )


def _comparison(figures: ShadowFigures) -> ShadowView:
    return ShadowView(
        active=figures.key.active,
        shadow=figures.key.tried,
        compared=figures.compared,
        differing=figures.differing,
        dropped=figures.dropped,
        first_at=figures.first_at,
        last_at=figures.last_at,
        differences=tuple(
            DifferenceView(
                passing=one.passing,
                path=one.path,
                count=one.count,
                first_seen=one.first_seen,
                last_seen=one.last_seen,
                samples=tuple(msgspec.json.decode(sample) for sample in one.samples),
            )
            for one in figures.differences
        ),
    )


def _canary(weighing: CanaryTally) -> CanaryView:
    return CanaryView(
        active=weighing.key.active,
        canary=weighing.key.tried,
        weighed=weighing.weighed,
        refused=weighing.refused,
        refused_by_active=weighing.refused_by_active,
        lost_more=weighing.lost_more,
        lost_less=weighing.lost_less,
    )
