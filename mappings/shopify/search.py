"""Shopify's search syntax for lists: exact values, a start time, and their conjunction."""

from datetime import UTC, datetime


def exactly(field: str, value: str) -> str:
    """Return the condition for a field with this phrase. The field may contain more, so check the answer."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{field}:"{quoted}"'


def since(moment: datetime | None) -> str | None:
    """Return the condition for changes at or after a time. Shopify's times have whole seconds."""
    if moment is None:
        return None
    return f"updated_at:>='{moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}'"


def not_before(changed: datetime, moment: datetime | None) -> bool:
    """Return whether a change was at or after a time, with the precision of `since`."""
    return moment is None or changed >= moment.replace(microsecond=0)


def all_of(*conditions: str | None) -> str | None:
    """Return the conjunction of conditions, None without any."""
    wanted = [condition for condition in conditions if condition is not None]
    return " AND ".join(wanted) or None
