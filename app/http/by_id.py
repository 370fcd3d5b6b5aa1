"""Find what an id of Lockstitch names."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from app.errors import NotFound

T = TypeVar("T")

ID: Final = re.compile(r"[a-z]+_[A-Za-z0-9]{1,64}")
"""The form of every id. No other text is looked up: PostgreSQL refuses some."""


async def find(
    get: Callable[[str], Awaitable[T | None]], identifier: str, name: str, *, next_step: str | None = None
) -> T:
    """Return what `get` has under an id. Raises NotFound, which says if the id names something else than `name`."""
    match = await get(identifier) if ID.fullmatch(identifier) else None
    if match is None:
        raise NotFound.unknown(identifier, name, next_step=next_step)
    return match
