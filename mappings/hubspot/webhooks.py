"""What HubSpot's webhooks say: `contact.creation`, `ticket.propertyChange`, and the generic `object.creation`.

Names and members are those of HubSpot's page "Webhooks API", section "Webhooks payload".
"""

import re
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import ObjectName
from mappings.hubspot.unwrap import TYPE_IDS
from mappings.spec import NUMBER
from mappings.webhooks import Happened, Notice, WebhookManifest

# The words of the older subscriptions, and the type ids that come with the generic ones.
OBJECTS: Final[dict[str, ObjectName]] = {
    "contact": "customer",
    "ticket": "ticket",
    **{type_id: name for name, type_id in TYPE_IDS.items()},
}
HAPPENED: Final[dict[str, Happened]] = {
    "creation": "created",
    "propertyChange": "updated",
    "associationChange": "updated",
    "merge": "updated",
    "restore": "updated",
    "deletion": "deleted",
    "privacyDeletion": "deleted",
}
_ID: Final = re.compile(NUMBER)


class _Ids(Struct, frozen=True, kw_only=True, rename="camel"):
    """A merge may have made a new record; an association starts at the record that is meant."""

    new_object_id: int | str | None = None
    primary_object_id: int | str | None = None
    from_object_id: int | str | None = None


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """What one element of HubSpot's array says."""
    kind, _, what = (topic or "").partition(".")
    object_name = OBJECTS.get((remote_object or "") if kind == "object" else kind)
    happened = HAPPENED.get(what)
    if object_name is None or happened is None:
        return None
    if what == "merge":
        ids = _ids(payload)
        remote_id = _text(ids.new_object_id) or _text(ids.primary_object_id) or remote_id
    elif what == "associationChange":
        remote_id = _text(_ids(payload).from_object_id) or remote_id
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    return Notice(object=object_name, remote_id=remote_id, happened=happened)


def _ids(payload: bytes) -> _Ids:
    try:
        return msgspec.json.decode(payload, type=_Ids)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _Ids()


def _text(id: int | str | None) -> str | None:
    return None if id is None else str(id)


WEBHOOKS: Final = WebhookManifest(scheme="hubspot", notice=notice, changing=frozenset({"attemptNumber"}))
