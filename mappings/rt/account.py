"""The facts about one Request Tracker: its queues."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.rt.requests import MOST
from mappings.rt.wire_rest2 import API, Account
from mappings.spec import Unmappable, decode

QUEUES: Final = f"{API}/queues/all"


class Queue(Struct, frozen=True, kw_only=True, rename={"name": "Name"}):
    """A queue that the connection's user can see."""

    id: str
    name: str


class _Queues(Struct, frozen=True, kw_only=True):
    items: tuple[Queue, ...] = ()
    next_page: str | None = None


REQUESTS: Final = (
    VendorRequest(method="GET", path=QUEUES, route=QUEUES, query=(("fields", "Name"), ("per_page", str(MOST)))),
)


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """The account from the replies to `REQUESTS`. Without the queues none is known by name and any is tried; so it is
    where there are more than one answer holds."""
    return Account(
        custom_fields=dict(custom_fields),
        queues={one.id: one.name for one in queues(replies)},
        more_queues=any(one.next_page is not None for one in _lists(replies)),
    )


def queues(replies: tuple[VendorReply | None, ...]) -> tuple[Queue, ...]:
    """The queues of answers to the request for them; none of an answer that cannot be read."""
    return tuple(queue for one in _lists(replies) for queue in one.items)


def _lists(replies: tuple[VendorReply | None, ...]) -> tuple[_Queues, ...]:
    found: list[_Queues] = []
    for reply in replies:
        try:
            found += () if reply is None else (decode(reply.body, _Queues),)
        except Unmappable:
            continue
    return tuple(found)
