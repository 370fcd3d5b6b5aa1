"""Identifiers that sort by time: UUIDv7 (RFC 9562, section 5.7), and prefixed ids."""

import os
import time
from typing import Final
from uuid import UUID

_VERSION_AND_VARIANT: Final = 0x7 << 76 | 0b10 << 62


def uuid7() -> UUID:
    """Return a UUIDv7: 48 bits of Unix milliseconds, then random bits."""
    return UUID(int=_number())


def new_id(prefix: str) -> str:
    """Return a prefix such as `op_` and 32 hexadecimal digits. Later ids sort after earlier ones."""
    return f"{prefix}{_number():032x}"


def _number() -> int:
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
    random = int.from_bytes(os.urandom(10), "big")
    return milliseconds << 80 | random >> 68 << 64 | random & (1 << 62) - 1 | _VERSION_AND_VARIANT
