"""A value that a test needs."""

from typing import TypeVar

T = TypeVar("T")


def required(value: T | None) -> T:
    """Return the value, which must be there: what is optional for a vendor is not for this test."""
    assert value is not None
    return value
