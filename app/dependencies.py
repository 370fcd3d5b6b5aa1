"""Dependencies of the capabilities, found by type."""

from typing import Any, TypeVar

T = TypeVar("T")


class Dependencies:
    """One value of each type, such as `WriteDeps`. `wiring` builds it; routes and job handlers use it."""

    def __init__(self, *values: Any) -> None:
        self.by_type = {type(value): value for value in values}

    def of(self, kind: type[T]) -> T:
        """Return the value of exactly this type. Raises KeyError if `wiring` built none."""
        value: T = self.by_type[kind]
        return value
