"""Values that users, tickets and comments have in common."""

from datetime import UTC, datetime

from canonical import values
from mappings.zendesk.wire_v2 import MARK


def agent_url(url: str | None, kind: str, id: int) -> str | None:
    """Return the address of a record for agents. `url` is its address in the API, which names the host."""
    if url is None:
        return None
    account, found, _ = url.partition("/api/v2/")
    return f"{account}/agent/{kind}/{id}" if found else None


def own_external_id(external_id: str | None) -> str | None:
    """Return the caller's key. None for empty text or a marker."""
    return None if not external_id or external_id.startswith(MARK) else external_id


def instant(moment: datetime) -> datetime:
    """Return a time in UTC. Zendesk sends UTC, which is passed on."""
    return moment if moment.tzinfo is UTC else values.utc(moment)
