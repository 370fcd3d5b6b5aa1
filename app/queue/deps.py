"""Dependencies of the view of the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.queue.lanes import PostgresLanes
    from app.queue.models import QueueFigures


@dataclass(frozen=True, kw_only=True)
class QueueDeps:
    """Lanes and figures. `count_dead_letters` counts open ones."""

    lanes: PostgresLanes
    read_figures: Callable[[], Awaitable[Sequence[QueueFigures]]]
    count_dead_letters: Callable[[], Awaitable[int]]
