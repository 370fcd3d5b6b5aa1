"""Subscriptions and deliveries as flows and the store of Events see them."""

from collections.abc import Sequence
from typing import Protocol

from app.event_ports import Event
from app.queue_ports import NewJob, Transaction


class FanOut(Protocol):
    """Who gets an Event."""

    async def fan_out(self, transaction: Transaction, events: Sequence[Event]) -> Sequence[NewJob]:
        """A delivery for each subscription that wants each of these, and the jobs that make them; the caller enqueues
        them."""

    async def call_back(self, transaction: Transaction, event: Event, *, target_url: str, principal: str) -> NewJob:
        """A delivery of this Event to one address that a caller has named; the job that makes it."""
