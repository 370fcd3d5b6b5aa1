"""Shopify's search syntax, as far as lists need it: exact values, a time from which on, and all of them together."""

from datetime import UTC, datetime


def exactly(field: str, value: str) -> str:
    """Records whose field holds this phrase. The field may hold more than it, so the answer is checked once more."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{quoted}"'


def since(moment: datetime | None) -> str | None:
    """Records that changed at or after a moment; Shopify's times have whole seconds."""
    if moment is None:
        return None
    return f"updated_at:>='{moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}'"


def not_before(changed: datetime, moment: datetime | None) -> bool:
    """The same condition for a record that was found another way."""
    return moment is None or changed >= moment.replace(microsecond=0)


def all_of(*conditions: str | None) -> str | None:
    """Records that fulfil every condition; None for no condition at all."""
    given = [condition for condition in conditions if condition is not None]
    return " AND ".join(given) or None
