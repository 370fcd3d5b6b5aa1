"""What flows for operators are given. All of it is in the database, so that they work while the API is down, and while
vendors are away."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.dead_letter_ports import DeadLetters
from app.event_ports import Events, Receipts, Transactions
from app.lane_ports import Lanes, QueueFigures
from app.redrive_ports import Redrives


@dataclass(frozen=True, kw_only=True)
class OperatorSeam:
    """The queue, its dead letters, and what their payloads lead to."""

    transactions: Transactions
    dead_letters: DeadLetters
    redrives: Redrives
    lanes: Lanes
    receipts: Receipts
    events: Events
    read_figures: Callable[[], Awaitable[Sequence[QueueFigures]]]
