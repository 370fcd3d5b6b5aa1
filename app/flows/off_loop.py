"""Pure work on a record that may take longer than other callers should wait."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from mappings.spec import VendorMapping

T = TypeVar("T")

LARGE: Final = 32_768
"""Bytes of a record, with the HTML that was read beside it. What is smaller takes milliseconds, whatever it holds."""


async def off_loop(
    mapping: VendorMapping[Any, Any, Any, Any, Any],
    record: bytes | memoryview | None,
    account: Any,
    run: Callable[[], T],
) -> T:
    """What `run` makes of a record by a mapping: in a thread where the record is large."""
    if len(record or b"") + mapping.endpoints.bulk(account) <= LARGE:
        return run()
    return await asyncio.to_thread(run)
