"""The operator views of mappings: revisions, routes and trial results."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from app.revisions.models import MappedConnection, Passing, Route, SeenDifference, Shadow, ShadowFigures


class RevisionView(Struct, frozen=True, kw_only=True):
    """One revision. A released revision never changes; only a released one may become active."""

    revision: int
    """The revision's number. Example: `2`"""
    released: bool
    """Whether it is released. A released revision never changes. Example: `true`"""
    vendor_api: str
    """The version of the vendor's API that it reads. Example: `"v3"`"""


class DifferenceView(Struct, frozen=True, kw_only=True):
    """One path at which two revisions differ.

    A sample holds both results for one record, without personal data. A side that lacks the member is absent.
    """

    passing: Passing
    """Whether the difference is in a read or in a request that would be sent. Example: `"read"`"""
    path: str
    """JSON Pointer into the resource or the vendor's body, `*` for items of a list. Empty if one of the two refuses the
    whole record.
    Example: `"/emails/*"`"""
    count: int
    """Number of occurrences. Example: `37`"""
    first_seen: datetime
    """The first occurrence. Example: `"2026-05-01T09:30:00Z"`"""
    last_seen: datetime
    """The last occurrence. Example: `"2026-05-01T11:00:00Z"`"""
    samples: tuple[dict[str, str | bool | None], ...]
    """The results of both for one record. Enum values of the canonical model are shown; everything else is masked,
    letters as x and digits as 0. A side without a value is absent.
    Example: `[{"active": "unknown", "shadow": "opted_out"}]`"""


class ShadowView(Struct, frozen=True, kw_only=True):
    """A comparison of two revisions, running or ended."""

    active: int
    """The active revision. Example: `1`"""
    shadow: int
    """The revision compared with it. Example: `2`"""
    compared: int
    """Number of records and drafts compared. Example: `1204`"""
    differing: int
    """How many of them differ. Example: `37`"""
    dropped: int
    """How many were sampled but dropped, because too many waited. Example: `0`"""
    first_at: datetime
    """The first comparison. Example: `"2026-05-01T09:30:00Z"`"""
    last_at: datetime
    """The last comparison. Example: `"2026-05-01T11:00:00Z"`"""
    differences: tuple[DifferenceView, ...]
    """Differences by path, the most frequent first."""


class RouteView(Struct, frozen=True, kw_only=True):
    """A mapping at a connection.

    If `pinned`, the revision stays across updates of Lockstitch; otherwise it is the newest released one.
    """

    connection: str
    """The connection. Example: `"hubspot"`"""
    active: int
    """The active revision. Example: `1`"""
    pinned: bool
    """Whether it stays active when an update adds a newer one. Otherwise the newest released revision is active.
    Example: `true`"""
    previous: int | None
    """The revision that was active before. A rollback returns to it. Example: `2`"""
    shadow: Shadow | None
    """The revision compared with the active one; null for none."""
    changed_by: str | None
    """Who changed the route last. Example: `"key:0198f0a2b7c4"`"""
    changed_at: datetime | None
    """When it was changed. Example: `"2026-05-01T09:30:00Z"`"""
    comparisons: tuple[ShadowView, ...]
    """Results of shadows since they began."""


class MappingView(Struct, frozen=True, kw_only=True):
    """A mapping, its revisions, and its route at each connection."""

    name: str
    """The vendor and the object. Example: `"hubspot.customer"`"""
    revisions: tuple[RevisionView, ...]
    """All revisions in this version of Lockstitch, oldest first."""
    routes: tuple[RouteView, ...]
    """The route at each connection that uses the mapping."""


def view_of(
    place: MappedConnection,
    route: Route | None,
    shadows: Sequence[ShadowFigures],
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
        **{name: getattr(route, name, None) for name in ("previous", "shadow", "changed_by", "changed_at")},
        comparisons=tuple(_comparison(one) for one in shadows if (one.key.connection, one.key.mapping) == at),
    )


def _comparison(figures: ShadowFigures) -> ShadowView:
    facts = {**asdict(figures), "differences": tuple(map(_difference, figures.differences))}
    key = facts.pop("key")
    return ShadowView(active=key.active, shadow=key.shadow, **facts)


def _difference(one: SeenDifference) -> DifferenceView:
    return DifferenceView(**{**asdict(one), "samples": tuple(map(msgspec.json.decode, one.samples))})
