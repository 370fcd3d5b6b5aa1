"""Identifiers that sort by time: UUIDv7 (RFC 9562, section 5.7), and the prefixed ids made of them."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def new_id(prefix: str) -> str:
    """A prefix such as `op_` and 32 hexadecimal digits; later ones sort after earlier ones."""
    return prefix + uuid7().hex
