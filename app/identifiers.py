"""Identifiers that sort by time: UUIDv7 (RFC 9562, section 5.7), and the prefixed ids made of them."""

import os
import time
from typing import Final
from uuid import UUID

_VERSION_AND_VARIANT: Final = 0x7 << 76 | 0b10 << 62


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, then randomness."""
    return UUID(int=_number())


def new_id(prefix: str) -> str:
    """A prefix such as `op_` and 32 hexadecimal digits; later ones sort after earlier ones."""
    return f"{prefix}{_number():032x}"


def _number() -> int:
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
    chance = int.from_bytes(os.urandom(10), "big")
    return milliseconds << 80 | chance >> 68 << 64 | chance & (1 << 62) - 1 | _VERSION_AND_VARIANT
