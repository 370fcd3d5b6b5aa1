"""A receipt that is a row of an export: how it is told from a webhook, and what its row was the last of."""

import re
from typing import Final

from app.webhooks.models import Receipt

_KEY: Final = re.compile(r"row:([0-9a-f]{64}):([0-9]{1,18})")
UPLOAD: Final = "upl_"


def dedupe_key_of(identity: bytes, generation: int) -> str:
    """The key of a row: its record, and how often that has said something new."""
    return f"{key_of(identity)}{generation}"


def key_of(identity: bytes) -> str:
    """How the keys of all rows of a record begin."""
    return f"row:{identity.hex()}:"


def row_of(receipt: Receipt) -> tuple[bytes, int] | None:
    """Identity and generation of a row; None for a webhook. A row's topic is the id of its upload."""
    match = _KEY.fullmatch(receipt.dedupe_key)
    if match is None or receipt.topic is None or not receipt.topic.startswith(UPLOAD):
        return None
    return bytes.fromhex(match[1]), int(match[2])
