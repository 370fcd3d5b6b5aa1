"""Commit what `ingest` found, for receipts that are processed at the same time in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.postgres.batching import MOST_ITEMS, Batcher
from app.queue.finishing import Finishing
from app.records.append import Appended, Outdated, append
from app.webhooks.deps import IngestDeps
from app.webhooks.store.receipts import INGEST

MOST_BYTES: Final = 4 * 1024 * 1024
"""Event bytes in one transaction, as in `group_commit`."""


@dataclass(frozen=True, kw_only=True)
class Ingested(Appended):
    """What became of a receipt. If it `is_erased`, its payload is replaced by an empty one."""

    finishing: Finishing
    receipt: str
    is_erased: bool = False


Commits = Batcher[Ingested, None]
"""`run` ends the job of a receipt and commits what became of it.

Raises WriteUnderWay; StateMoved if another state of the record was stored meanwhile, RecordKnown if another job gave it
its id; LeaseLost; StoreUnavailable.
"""


def commits_of(deps: IngestDeps) -> Commits:
    """Return the group commit of a worker."""
    return Batcher.of(partial(_commit_all, deps), _share, gathers=True)


async def _commit_all(deps: IngestDeps, ingested: Sequence[Ingested]) -> list[Exception | None]:
    """Commit, and return None for each receipt, or why nothing of it was committed.

    A lost lease, or a state that moves after this look, makes the transaction fail, and each receipt is then committed
    alone.
    """
    outcomes: list[Exception | None] = [None] * len(ingested)
    left = dict(enumerate(ingested))
    while left:
        rest = list(left.values())
        blanks = [deps.receipts.blank(one.receipt) if one.is_erased else None for one in rest]
        ended, receipts = [one.finishing for one in rest], [one.receipt for one in rest]
        try:
            await append(deps, ended, rest, INGEST, receipts, blanks, checks=True)
        except Outdated as outdated:
            for place, why in zip(list(left), outdated.outcomes, strict=True):
                if why is not None:
                    outcomes[place] = why
                    del left[place]
        else:
            break
    return outcomes


def _share(ingested: Ingested) -> float:
    size = sum(len(event.data) for event in ingested.events)
    return max(1 / MOST_ITEMS, size / MOST_BYTES)
