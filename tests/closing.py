"""Close what was opened, at the end of a block."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar


class Closes(Protocol):
    """A connection, or a pool of them."""

    async def close(self) -> Any: ...


C = TypeVar("C", bound=Closes)


@asynccontextmanager
async def async_closing(opening: Awaitable[C]) -> AsyncIterator[C]:
    """Open it, and close it after the block."""
    opened = await opening
    try:
        yield opened
    finally:
        await opened.close()
