"""A person's name at vendors that keep it in two fields."""

from typing import Literal, TypeVar

E = TypeVar("E", str, None)


def split_name(name: str | None, empty: E, *, single: Literal["first", "last"] = "first") -> tuple[str | E, str | E]:
    """Return first and last name, split at the last space. A name of one word becomes the `single` one. `empty` is how
    the vendor writes that there is none."""
    first, _, last = (name or "").strip().rpartition(" ")
    if single == "first" and not first:
        first, last = last, first
    return first.rstrip() or empty, last or empty
