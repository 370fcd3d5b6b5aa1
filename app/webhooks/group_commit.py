"""Record webhooks that arrive together in one transaction."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from app.postgres.batching import Batcher, Process
from app.webhooks.models import Arrival
from app.webhooks.store.arrivals import PostgresArrivals

MOST_ARRIVALS: Final = 256
MOST_BYTES: Final = 4 * 1024 * 1024
"""Payload bytes in one transaction. Each payload is copied several times on its way to the disk, and sealing blocks the
event loop."""

Webhook = Sequence[Arrival]
GroupCommit = Batcher[Webhook, int]
"""`run` records the events of one webhook and returns how many were new. They are committed when it returns. If it
raises StoreUnavailable, either all or none are recorded, and the vendor's retry is recognised."""


def group_commit_to(arrivals: PostgresArrivals) -> GroupCommit:
    """Return the group commit of a process."""
    return Batcher(partial(_recording, arrivals), _share)


@asynccontextmanager
async def _recording(arrivals: PostgresArrivals) -> AsyncIterator[Process[Webhook, int]]:
    async with arrivals.recording() as record:

        async def process(webhooks: Sequence[Webhook]) -> Sequence[int]:
            new = iter(await record([arrival for webhook in webhooks for arrival in webhook]))
            return [sum(next(new) for _ in webhook) for webhook in webhooks]

        yield process


def _share(webhook: Webhook) -> float:
    return max(len(webhook) / MOST_ARRIVALS, sum(len(arrival.receipt.payload) for arrival in webhook) / MOST_BYTES)
