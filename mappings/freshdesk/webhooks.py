"""Webhooks of automation rules, which exist for tickets only.

Freshdesk signs nothing and has no event names. An administrator writes the body as in docs/vendors/freshdesk.md.
"""

import re
from typing import Final

from msgspec import Struct

from mappings.endpoints import NUMBER
from mappings.kit.refusals import read
from mappings.webhooks import BODY, Envelope, Happened, Notice, Place, Scheme, WebhookManifest, member

# Any other event is an update of the ticket.
HAPPENED: Final[dict[str, Happened]] = {"ticket.created": "created", "ticket.deleted": "deleted"}
_ID: Final = re.compile(NUMBER)


COMMENTED: Final = ("ticket.replied", "ticket.note_added")
"""Events of replies and notes. A rule cannot send their ids."""
TRIGGERS: Final = ("reply", "note")
"""Words in `{{triggered_event}}` of a reply or a note, where the rule sends it in `triggered`."""


class _Rule(Struct, frozen=True, kw_only=True):
    triggered: str | None = None


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """Return the notice in a webhook of a rule."""
    if topic is None or not topic.startswith("ticket.") or remote_object != "ticket":
        return None
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    happened = HAPPENED.get(topic, "updated")
    adds = happened == "updated" and (topic in COMMENTED or _was_triggered_by_comment(payload))
    return Notice(object="ticket", remote_id=remote_id, happened=happened, adds_comments=adds)


def _was_triggered_by_comment(payload: bytes) -> bool:
    triggered = (read(payload, _Rule) or _Rule()).triggered or ""
    return any(word in triggered.lower() for word in TRIGGERS)


SCHEME: Final = Scheme(
    name="shared-secret",
    signature="shared-secret",
    # Without `updated_at`, two changes of one ticket count as one event.
    envelope=Envelope(
        identity=((member("ticket_id"),), (member("event"),), (member("updated_at"),), (BODY,)),
        topic=member("event"),
        records=((Place(text="ticket"), member("ticket_id")),),
        time=member("updated_at"),
    ),
)
WEBHOOKS: Final = WebhookManifest(scheme=SCHEME, notice=notice, silent=frozenset({"customer"}))
