"""What the readings of users, tickets and comments share."""

from datetime import UTC, datetime

from canonical import values
from mappings.zendesk.wire_v2 import MARK


def agent_url(url: str | None, kind: str, id: int) -> str | None:
    """Where an agent sees the record. `url` is its address in the API, which tells the account's host."""
    if url is None:
        return None
    account, found, _ = url.partition("/api/v2/")
    return f"{account}/agent/{kind}/{id}" if found else None


def own_external_id(external_id: str | None) -> str | None:
    """The caller's own key. Empty text is none, and so is the mark of one of our writes."""
    return None if not external_id or external_id.startswith(MARK) else external_id


def instant(moment: datetime) -> datetime:
    """Zendesk sends UTC, and what it sends is passed on; anything else is turned into UTC."""
    return moment if moment.tzinfo is UTC else values.utc(moment)
