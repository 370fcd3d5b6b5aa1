"""Webhooks of automation rules, which exist for tickets only.

Freshdesk signs nothing and has no event names. An administrator writes the body as in docs/vendors/freshdesk.md.
"""

import re
from typing import Final

from mappings.spec import NUMBER
from mappings.webhooks import Happened, Notice, WebhookManifest

# Any other event is an update of the ticket, even replies and notes: a rule cannot send their ids.
HAPPENED: Final[dict[str, Happened]] = {"ticket.created": "created", "ticket.deleted": "deleted"}
_ID: Final = re.compile(NUMBER)


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """Return the notice in a webhook of a rule."""
    if topic is None or not topic.startswith("ticket.") or remote_object != "ticket":
        return None
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    return Notice(object="ticket", remote_id=remote_id, happened=HAPPENED.get(topic, "updated"))


WEBHOOKS: Final = WebhookManifest(scheme="shared-secret", notice=notice)
