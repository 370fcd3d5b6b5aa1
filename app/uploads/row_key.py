"""The dedupe key of a row's receipt: the record's identity, and its generation (the count of its changes)."""

from typing import Final

from app.webhooks.models import Receipt

KIND: Final = "ingest_row"


def dedupe_key_of(identity: bytes, generation: int) -> str:
    """Return the dedupe key of a row."""
    return f"{key_of(identity)}{generation}"


def key_of(identity: bytes) -> str:
    """Return the prefix of the dedupe keys of all rows of a record."""
    return f"row:{identity.hex()}:"


def row_of(receipt: Receipt) -> tuple[bytes, int]:
    """Return identity and generation of a row from the dedupe key of its receipt."""
    _, identity, generation = receipt.dedupe_key.split(":")
    return bytes.fromhex(identity), int(generation)
