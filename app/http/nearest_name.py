"""Offer the known name that a caller may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

MAX_LENGTH: Final = 60
"""Longer names than any known one are not compared: the comparison is quadratic in the length."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known name, to append; empty if none is near."""
    near = get_close_matches(name, known, n=1) if len(name) <= MAX_LENGTH else []
    return f" Did you mean {near[0]}?" if near else ""
