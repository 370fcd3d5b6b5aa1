"""The key of a row's receipt: which record the row is about, and how often that has said something new."""

from typing import Final

from app.webhooks.models import Receipt

KIND: Final = "ingest_row"


def dedupe_key_of(identity: bytes, generation: int) -> str:
    """The key of a row: its record, and how often that has said something new."""
    return f"{key_of(identity)}{generation}"


def key_of(identity: bytes) -> str:
    """How the keys of all rows of a record begin."""
    return f"row:{identity.hex()}:"


def row_of(receipt: Receipt) -> tuple[bytes, int]:
    """Identity and generation of a row, from the key of its receipt."""
    _, identity, generation = receipt.dedupe_key.split(":")
    return bytes.fromhex(identity), int(generation)
