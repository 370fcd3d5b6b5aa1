"""Split a person's name, for vendors that store it in two fields."""

from typing import Literal, TypeVar

E = TypeVar("E", str, None)


def split_name(name: str | None, empty: E, *, single: Literal["first", "last"] = "first") -> tuple[str | E, str | E]:
    """Return first and last name, split at the last space. A single word becomes the `single` name. `empty` is the
    vendor's value for a missing name."""
    first, _, last = (name or "").strip().rpartition(" ")
    if single == "first" and not first:
        first, last = last, first
    return first.rstrip() or empty, last or empty
