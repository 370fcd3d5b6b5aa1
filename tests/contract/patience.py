"""Waiting for what other processes bring about."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds that a busy machine may take over anything."""


def until(look: Callable[[], T], wanted: Callable[[T], object] = bool, *, patience: float = PATIENCE) -> T:
    """What `look` gives once it is as wanted: anything that is true, unless said otherwise. Fails with the last of it
    where that takes longer than `patience` seconds."""
    give_up = time.monotonic() + patience
    while not wanted(seen := look()):
        assert time.monotonic() < give_up, f"within {patience} s there was only this: {seen}"
        time.sleep(0.05)
    return seen
