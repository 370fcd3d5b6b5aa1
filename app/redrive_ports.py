"""Bulk redrives as flows see them: dead letters that are enqueued again, batch by batch, at a rate."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from app.dead_letter_ports import DeadLetterFilter
from app.queue_ports import Transaction

RedriveState = Literal["running", "done", "cancelled"]


class Redrive(Struct, frozen=True, kw_only=True):
    """A bulk redrive and how far it has come. `total` letters matched when it began; `skipped` are those that somebody
    had redriven or discarded before they had their turn, or whose work was queued already. Without `rate_per_second`
    it goes as fast as it can."""

    id: str
    filter: DeadLetterFilter
    rate_per_second: float | None
    state: RedriveState
    total: int
    redriven: int
    skipped: int
    actor: str
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class NewRedrive(Struct, frozen=True, kw_only=True):
    """What somebody asks for."""

    filter: DeadLetterFilter
    rate_per_second: float | None
    actor: str
    correlation_id: str


class Batch(Struct, frozen=True, kw_only=True):
    """The letters of a redrive whose turn it is, oldest job first. The redrive is held by the transaction that took
    them; they have had their turn when it commits."""

    redrive: Redrive
    dead_letters: Sequence[str]


class Redrives(Protocol):
    """The bulk redrives."""

    async def start(self, transaction: Transaction, new: NewRedrive) -> Redrive:
        """Begin one with the letters that match now, and no others; done at once where there are none."""

    async def list(self, *, after: str | None, limit: int) -> Sequence[Redrive]:
        """Newest first, below the id `after`."""

    async def get(self, redrive_id: str) -> Redrive | None:
        """One by id."""

    async def cancel(self, transaction: Transaction, redrive_id: str, *, actor: str) -> bool:
        """Go on no more; a batch that is under way is waited for. False when it does not run (any more)."""

    async def take_batch(self, transaction: Transaction, limit: int) -> Batch | None:
        """Of the running redrive that has waited longest, as many letters as its rate allows by now; None when none is
        due. One that another transaction holds is left to it."""

    async def note_batch(self, transaction: Transaction, batch: Batch, *, redriven: int) -> None:
        """How many letters of the batch were redriven; the others were skipped. The last batch ends the redrive."""
