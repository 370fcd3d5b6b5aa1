"""Mapping routes as flows see them: which revision is at work at a connection, which one is tried beside it,
and what has come of that.

At first sight of a connection the newest released revision is **pinned**, so that no update of Lockstitch moves it to
another by itself. A **shadow** maps a sample of what passes too, and nobody sees
what it makes; a **canary** answers for a share of the records, and is withdrawn when it does worse than the active one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import UNSET, Struct, UnsetType

Passing = Literal["read", "write"]


class Shadow(Struct, frozen=True, kw_only=True):
    """A revision that is compared with the active one; `sample_rate` is the share of what passes, above 0 to 1."""

    revision: int
    sample_rate: float


class Canary(Struct, frozen=True, kw_only=True):
    """A revision that answers for a `share` of the records, above 0 to 1, since a time of the database."""

    revision: int
    share: float
    since: datetime


class Route(Struct, frozen=True, kw_only=True):
    """What was decided for a mapping, such as `hubspot.customer`, at a connection. `active` None follows the newest
    released revision, whatever an update brings; `previous` was active before, and is what a rollback goes back to.
    `note` says why a canary came back by itself."""

    connection: str
    mapping: str
    active: int | None
    previous: int | None
    shadow: Shadow | None
    canary: Canary | None
    note: str | None
    changed_by: str
    changed_at: datetime


class RouteChange(Struct, frozen=True, kw_only=True):
    """What to change of a route: UNSET leaves, None takes away. A shadow or canary that becomes active is over."""

    active: int | None | UnsetType = UNSET
    shadow: Shadow | None | UnsetType = UNSET
    canary_revision: int | None | UnsetType = UNSET
    canary_share: float = 0.0


class MappedConnection(Struct, frozen=True, kw_only=True):
    """A mapping at a connection; `default` is the revision that is active without a route."""

    connection: str
    mapping: str
    default: int


class MappingRoutes(Protocol):
    """The routes of the installation. `of` answers from memory, at most about a second old."""

    def of(self, connection: str, mapping: str) -> Route | None:
        """The route, or None where nothing was decided."""

    async def refresh(self) -> None:
        """Know what is true now. Raises StoreUnavailable."""

    async def list(self) -> Sequence[Route]:
        """Every route, read from the store. Raises StoreUnavailable."""

    async def pin(self, places: Sequence[MappedConnection]) -> None:
        """Keep each place at its default where nothing was ever decided; audited. Raises StoreUnavailable."""

    async def change(self, place: MappedConnection, change: RouteChange, *, actor: str) -> Route:
        """Decide; audited, and told to every process. What a shadow or canary had found is forgotten when another one
        begins. Raises StoreUnavailable."""

    async def roll_back(self, place: MappedConnection, *, actor: str) -> Route | None:
        """Back to the revision that was active before; shadow and canary end. None where none was. Audited."""


class TrialKey(Struct, frozen=True, kw_only=True):
    """Two revisions of a mapping at a connection: the one that is active, and the one that is tried."""

    connection: str
    mapping: str
    active: int
    tried: int


class Difference(Struct, frozen=True, kw_only=True):
    """Where the two say something else, `count` times. `path` is a JSON Pointer with `*` for the places of a list, into
    the resource for a read and into the vendor's body for a write; empty where one of them refuses the whole. Samples
    are pairs in JSON, without personal data."""

    passing: Passing
    path: str
    count: int
    samples: tuple[str, ...]


class Comparisons(Struct, frozen=True, kw_only=True):
    """What came of comparing: how many records and drafts, how many of them differed, how many were not looked at
    because others waited."""

    key: TrialKey
    compared: int
    differing: int
    dropped: int
    differences: tuple[Difference, ...]


class SeenDifference(Difference, frozen=True, kw_only=True):
    """A difference with its times."""

    first_seen: datetime
    last_seen: datetime


class ShadowFigures(Struct, frozen=True, kw_only=True):
    """All comparisons of two revisions since the shadow began."""

    key: TrialKey
    compared: int
    differing: int
    dropped: int
    first_at: datetime
    last_at: datetime
    differences: tuple[SeenDifference, ...]


class CanaryTally(Struct, frozen=True, kw_only=True):
    """Records and drafts that a canary has answered for, with both revisions beside each other: how many it or only the
    active one refused, and with how many it or the active one lost more."""

    key: TrialKey
    weighed: int
    refused: int
    refused_by_active: int
    lost_more: int
    lost_less: int


class TrialBook(Protocol):
    """Where trials are written down, by every process."""

    async def add(self, comparisons: Sequence[Comparisons]) -> None:
        """Add up. Raises StoreUnavailable."""

    async def weigh(self, weighings: Sequence[CanaryTally]) -> None:
        """Add up, and withdraw a canary that does worse than the active revision; audited. Raises StoreUnavailable."""

    async def shadows(self) -> Sequence[ShadowFigures]:
        """What every shadow has found. Raises StoreUnavailable."""

    async def canaries(self) -> Sequence[CanaryTally]:
        """What every canary has come to since it began. Raises StoreUnavailable."""
