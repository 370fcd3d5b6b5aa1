"""Identifiers that sort by time: UUIDv7 (RFC 9562, section 5.7), prefixed ids, and what each prefix names."""

import os
import re
import time
from typing import Final

CORRELATION: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
"""A correlation id, which names a run."""
NAMES: Final = {
    "cus_": ("customer", "GET /v1/customers/{}"),
    "ord_": ("order", "GET /v1/orders/{}"),
    "tkt_": ("ticket", "GET /v1/tickets/{}"),
    "op_": ("operation", "GET /v1/operations/{}"),
    "evt_": ("event", "GET /v1/events"),
    "lrv_": ("link proposal", "lockstitch links review"),
    "sub_": ("subscription", "GET /v1/subscriptions/{}"),
    "dl_": ("dead letter", "GET /ops/dead-letters/{}"),
    "rdv_": ("redrive", "GET /ops/redrives/{}"),
    "upl_": ("upload", "GET /v1/uploads/{{connection}}/{}"),
    "drf_": ("drift finding", "GET /ops/drift/{}"),
    "key_": ("API key", "lockstitch key list"),
    "in_": ("received webhook", "GET /ops/audit?record={}"),
    "job_": ("job", "GET /ops/audit?record={}"),
    "bf_": ("backfill", "GET /v1/backfills/{}"),
    "rec_": ("finding of a reconciliation", "GET /ops/reconciliations"),
    "walk_": ("walk", "GET /ops/audit?record={}"),
    "clm_": ("claim", "GET /ops/audit?record={}"),
    "era_": ("erasure", "GET /ops/erasures/{}"),
    "dlv_": ("delivery", "GET /ops/audit?record={}"),
}
"""What an id of Lockstitch names, by its prefix, and where to find it."""
_PREFIXED: Final = re.compile(r"([a-z]+_)[0-9A-Za-z_]{1,64}")
_VERSION_AND_VARIANT: Final = 0x7 << 76 | 0b10 << 62


def new_run_id() -> str:
    """Return a UUIDv7: 48 bits of Unix milliseconds, then random bits."""
    digits = f"{_number():032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def new_id(prefix: str) -> str:
    """Return a prefix such as `op_` and 32 hexadecimal digits. Later ids sort after earlier ones."""
    return f"{prefix}{_number():032x}"


def what_else(identifier: str, wanted: str) -> str | None:
    """Return a sentence if the id names something else than `wanted`, such as `ticket`: what it names, and where to
    find that; or if it is empty. None otherwise."""
    if not identifier:
        return f"The id of the {wanted} is empty."
    match = _PREFIXED.fullmatch(identifier)
    name, where = NAMES.get(match[1], (wanted, "")) if match is not None else (wanted, "")
    if name == wanted:
        return None
    return f"{identifier} names {_with_article(name)}, not {_with_article(wanted)}: {where.format(identifier)}."


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiouA' else 'a'} {name}"


def _number() -> int:
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
    random = int.from_bytes(os.urandom(10), "big")
    return milliseconds << 80 | random >> 68 << 64 | random & (1 << 62) - 1 | _VERSION_AND_VARIANT
