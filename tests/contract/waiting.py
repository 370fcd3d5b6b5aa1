"""Wait for what another process does."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

TIMEOUT: Final = 60.0
"""Seconds that anything may take on a busy machine."""
SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.25
"""Seconds between two looks."""
ABSENCE: Final = "SELECT absent_at IS NOT NULL AS absent, resent_at IS NOT NULL AS resent FROM operation WHERE id = $1"
"""Whether a create was looked for in vain, and was sent once more."""
PASS_TIME: Final = """
    UPDATE operation
       SET absent_at = absent_at - interval '10 minutes', due_at = least(due_at, now())
     WHERE id = $1 AND absent_at IS NOT NULL
"""
"""Lets the ten minutes after a vain look pass, and looks again."""


def until(look: Callable[[], T], wanted: Callable[[T], object] = bool, *, timeout: float = TIMEOUT) -> T:
    """Call `look` until `wanted` accepts its result, and return that. Fail with the last result after `timeout`
    seconds. The longer it takes, the longer are the pauses: a look costs several processes some milliseconds."""
    began = time.monotonic()
    while not wanted(result := look()):
        waited = time.monotonic() - began
        assert waited < timeout, f"not within {timeout} s; the last result: {result}"
        time.sleep(min(max(SHORTEST_PAUSE, waited / 5), LONGEST_PAUSE))
    return result
