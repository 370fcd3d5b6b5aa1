"""Recovery of lost replies that many vendors share."""

from mappings.endpoints import Recovery


def same_values(record: str) -> Recovery:
    """Return the recovery of an update that sets values: read the record and compare."""
    return by_state(f"the {record} is read; sending the same values again is harmless")


def by_state(note: str) -> Recovery:
    """Return the recovery of a write whose outcome shows in the record."""
    return Recovery(by="state", strength="strong", note=note)
