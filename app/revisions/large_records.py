"""Large records and bodies are mapped in a thread, so that other callers do not wait for their HTML and their lists."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from mappings.registry import AnyMapping

T = TypeVar("T")

LARGE: Final = 32_768
"""Bytes of a record with the HTML that was read for it. Mapping a smaller one takes milliseconds at most."""


async def run_mapping(
    mapping: AnyMapping,
    record: bytes | memoryview | None,
    account: Any,
    run: Callable[[], T],
) -> T:
    """Return what `run` makes of a record, or of the body of a write: in a thread where it is large, else at once."""
    if len(record or b"") + mapping.endpoints.bulk(account) <= LARGE:
        return run()
    return await asyncio.to_thread(run)
