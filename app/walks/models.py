"""The Structs of walks."""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from app.queue.models import BudgetShare
from app.settings.pull import PulledObject
from canonical.parts import ObjectName

ListedObject = Literal["customer", "order", "ticket"]
"""What a person may have listed now. Comments are read with their ticket."""

Purpose = Literal["pull", "backfill", "reconcile"]
PRECEDENCE: Final[tuple[Purpose, ...]] = ("pull", "backfill", "reconcile")
"""A walk waits between its pages while one of the same object with an earlier purpose runs."""
PAGE: Final = "walk"
"""The kind of the job that reads a page."""


class NewWalk(Struct, frozen=True, kw_only=True):
    """A walk to start: over the records that changed `since` a time, or over all of them, `page_size` at once.

    `is_baseline`: records that were never seen before, and not created since it started, are no news, so they get a
    state and no Event.
    """

    id: str
    connection: str
    object: PulledObject
    purpose: Purpose
    since: datetime | None
    is_baseline: bool
    page_size: int
    correlation_id: str

    @property
    def share(self) -> BudgetShare:
        """The share of the account's budget that pays for it."""
        return BudgetShare.BACKFILL if self.purpose == "backfill" else BudgetShare.PULL


class AnyWalk(NewWalk, frozen=True, kw_only=True):
    """A walk after its last committed page. `cursor` is the vendor's, and `newest` the latest time of a change so far.

    `looked_at` is the time of the database now. `pulled_at` is when the last pull of the object that completed
    started. `is_preempted`: another walk of the object goes first. `clock_ahead`: how far the vendor's clock is ahead
    of ours, as its last reply shows. `deaths`: how many attempts to process the next page have failed by a fault of
    ours or have ended their worker. `poison`: ids of records that have ended theirs. Of a backfill: records per
    second, who gets an Event for each record, whether it only counts, and whether it is paused.
    """

    cursor: str | None
    newest: datetime | None
    pages: int
    records: int
    changed: int
    unreadable: int
    restarts: int
    started_at: datetime
    looked_at: datetime
    is_preempted: bool
    pulled_at: datetime | None = None
    clock_ahead: timedelta = timedelta()
    deaths: int = 0
    poison: tuple[str, ...] = ()
    rate: float | None = None
    deliver: tuple[str, ...] | None = None
    is_dry_run: bool = False
    is_paused: bool = False


class Walk(AnyWalk, frozen=True, kw_only=True):
    """A walk over the records of an object."""

    object: ObjectName


class StockWalk(AnyWalk, frozen=True, kw_only=True):
    """A walk over stock levels. Its purpose is a pull."""

    object: Literal["stock_level"]


class PageCounts(Struct, frozen=True, kw_only=True):
    """What became of the records of a page. `read_again` are read once more, each by a job of its own. In a backfill,
    `new` are those without a state, and `differing` those whose state differs."""

    records: int
    changed: int = 0
    unreadable: int = 0
    read_again: int = 0
    new: int = 0
    differing: int = 0


class PagePayload(Struct, frozen=True, kw_only=True):
    """The payload of a `walk` job. `is_singly`: the records of the page are read by themselves, because its last job
    became a dead letter."""

    walk: str
    is_singly: bool = False


class RefetchPayload(Struct, frozen=True, kw_only=True):
    """The payload of a `refetch` job: a record that left its page. `is_baseline` as in `NewWalk`, `deliver` as in
    `Walk`. `is_news`: it is new, so a state that a walk stored without an Event does not make it known."""

    walk: str
    object: ObjectName
    remote_id: str
    is_baseline: bool
    deliver: tuple[str, ...] | None = None
    is_news: bool = False

    @property
    def is_backfill(self) -> bool:
        """Whether its walk is a backfill."""
        return self.walk.startswith("bf_")


class ListPlan(Struct, frozen=True, kw_only=True):
    """How an object of a connection is listed. `by_change` and `by_hints` as in `PullPlan`. `sends_webhooks`: the
    vendor reports the changes of the object, and the connection verifies that."""

    page_size: int
    by_change: bool
    by_hints: bool
    sends_webhooks: bool


class PullPlan(Struct, frozen=True, kw_only=True):
    """How an object of a connection is pulled: every so many seconds, from `overlap` seconds before the watermark on.

    `by_change`: the vendor lists what has changed. `by_hints`: it only names, for 30 days, the records that may have
    changed. Otherwise each run lists all records and compares them. `frequency` is `every` as it was set, such as `5m`.
    """

    connection: str
    object: PulledObject
    every: float
    overlap: float
    page_size: int
    by_change: bool
    by_hints: bool
    frequency: str


class FreshnessRule(Struct, frozen=True, kw_only=True):
    """How old the data of an object at a connection may be: `limit` seconds, or None for any age.

    `unreachable` says why pulls cannot keep the limit, if they cannot."""

    connection: str
    object: PulledObject
    limit: int | None
    is_pulled: bool
    unreachable: str | None


class DuePull(Struct, frozen=True, kw_only=True):
    """A pull that is due. `watermark`: changes up to this time were read. `started_at`: when the last completed run
    started. `tried_at`: when the last run started."""

    connection: str
    object: PulledObject
    watermark: datetime | None
    started_at: datetime | None
    has_baseline: bool
    tried_at: datetime | None


class PullState(Struct, frozen=True, kw_only=True):
    """How the pulls of an object stand: when the last run that completed started, why the last run failed, if it
    did, and how many records all runs leave out, because they have ended their worker."""

    connection: str
    object: PulledObject
    watermark: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    failure: str | None
    poison: int = 0
