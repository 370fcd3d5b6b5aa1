"""Mapping routes and trials: the active revision at a connection, its shadow, and how the two differ.

Lockstitch **pins** the newest released revision when it first sees a connection, so an update of Lockstitch never
changes the active revision by itself. A **shadow** also maps a sample of the traffic, for comparison only.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import UNSET, Struct, UnsetType

Passing = Literal["read", "write"]


class Shadow(Struct, frozen=True, kw_only=True):
    """A revision that is compared with the active one. `sample_rate` is the share of traffic, above 0 to 1."""

    revision: int
    """The revision. Example: `2`"""
    sample_rate: float
    """The share of records and drafts to compare. Example: `0.1`"""


class Route(Struct, frozen=True, kw_only=True):
    """The route of a mapping, such as `hubspot.customer`, at a connection.

    `active` None follows the newest released revision, also across updates. A rollback activates `previous`.
    """

    connection: str
    mapping: str
    active: int | None
    previous: int | None
    shadow: Shadow | None
    changed_by: str
    changed_at: datetime


class RouteChange(Struct, frozen=True, kw_only=True):
    """Changes to a route: UNSET leaves, None removes. A shadow ends when it becomes active."""

    active: int | None | UnsetType = UNSET
    shadow: Shadow | None | UnsetType = UNSET


class MappedConnection(Struct, frozen=True, kw_only=True):
    """A mapping at a connection. `default` is the active revision when there is no route."""

    connection: str
    mapping: str
    default: int


class TrialKey(Struct, frozen=True, kw_only=True):
    """Two revisions of a mapping at a connection: the active one and its shadow."""

    connection: str
    mapping: str
    active: int
    shadow: int


class Difference(Struct, frozen=True, kw_only=True):
    """One path at which two revisions differ, seen `count` times.

    `path` is a JSON Pointer with `*` for list indexes: into the resource for a read, into the vendor's body for a
    write, empty where one revision refuses the whole record. Samples are JSON pairs without personal data.
    """

    passing: Passing
    path: str
    count: int
    samples: tuple[str, ...]


class Comparisons(Struct, frozen=True, kw_only=True):
    """Counts of records and drafts: `compared`, `differing` among them, and `dropped` because the queue was full."""

    key: TrialKey
    compared: int
    differing: int
    dropped: int
    differences: tuple[Difference, ...]


class SeenDifference(Difference, frozen=True, kw_only=True):
    """A difference with the times of its first and last occurrence."""

    first_seen: datetime
    last_seen: datetime


class ShadowFigures(Struct, frozen=True, kw_only=True):
    """Totals of all comparisons since the shadow began."""

    key: TrialKey
    compared: int
    differing: int
    dropped: int
    first_at: datetime
    last_at: datetime
    differences: tuple[SeenDifference, ...]


class TrialBook(Protocol):
    """Takes the results of trials; the tests of `Trials` keep them in memory."""

    async def add(self, comparisons: Sequence[Comparisons]) -> None:
        """Add comparisons to the totals. Raises StoreUnavailable."""
