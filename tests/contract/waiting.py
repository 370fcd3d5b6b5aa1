"""Wait for what another process does."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

TIMEOUT: Final = 60.0
"""Seconds that anything may take on a busy machine."""


def until(look: Callable[[], T], wanted: Callable[[T], object] = bool, *, timeout: float = TIMEOUT) -> T:
    """Call `look` until `wanted` accepts its result, and return that. Fail with the last result after `timeout`
    seconds."""
    give_up = time.monotonic() + timeout
    while not wanted(seen := look()):
        assert time.monotonic() < give_up, f"not within {timeout} s; the last result: {seen}"
        time.sleep(0.05)
    return seen
