"""What a webhook of an automation rule says. Freshdesk signs nothing and has no words of its own for what happened: an
administrator writes the body, and docs/vendors/freshdesk.md tells which. Rules there are for tickets only."""

import re
from typing import Final

from mappings.spec import NUMBER
from mappings.webhooks import Happened, Notice, WebhookManifest

# Whatever else a rule tells of a ticket is an update of it: replies and notes too, which it cannot name.
HAPPENED: Final[dict[str, Happened]] = {"ticket.created": "created", "ticket.deleted": "deleted"}
_ID: Final = re.compile(NUMBER)


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """What one request of a rule says."""
    if topic is None or not topic.startswith("ticket.") or remote_object != "ticket":
        return None
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    return Notice(object="ticket", remote_id=remote_id, happened=HAPPENED.get(topic, "updated"))


WEBHOOKS: Final = WebhookManifest(scheme="shared-secret", notice=notice)
