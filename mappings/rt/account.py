"""The facts about one Request Tracker account: its queues."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from canonical.parts import CustomFieldSetting, ObjectName, Reference
from mappings.endpoints import NamedRead
from mappings.http import VendorReply, VendorRequest
from mappings.kit.refusals import read
from mappings.kit.rest import get
from mappings.rt.requests import MOST
from mappings.rt.wire_rest2 import API, Account
from mappings.spec import decode

QUEUES: Final = f"{API}/queues/all"


class Queue(Struct, frozen=True, kw_only=True, rename={"name": "Name"}):
    """A queue that the connection's user can see."""

    id: str
    name: str


class _Queues(Struct, frozen=True, kw_only=True):
    items: tuple[Queue, ...] = ()
    next_page: str | None = None


REQUESTS: Final = (get(QUEUES, ("fields", "Name"), ("per_page", str(MOST))),)


class _Named(Struct, frozen=True, kw_only=True, rename={"name": "Name"}):
    name: str | None = None


def read_queue(id: str) -> VendorRequest:
    """Build the read of one queue."""
    return get(f"{API}/queue/{quote(id, safe='')}", route=f"{API}/queue/{{id}}")


QUEUE: Final = NamedRead(request=read_queue, keys=lambda reply: Reference(name=decode(reply.body, _Named).name))
"""The name of a queue that the account facts lack: they have the first 100."""


def build_account(
    replies: tuple[VendorReply | None, ...], custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]
) -> Account:
    """Build the account from the replies to `REQUESTS`. If not all queues are known, a write may name any."""
    return Account(
        custom_fields=dict(custom_fields),
        queues={one.id: one.name for one in queues(replies)},
        more_queues=any(one.next_page is not None for one in _lists(replies)),
    )


def queues(replies: tuple[VendorReply | None, ...]) -> tuple[Queue, ...]:
    """Return the queues of replies; none of a reply that cannot be read."""
    return tuple(queue for one in _lists(replies) for queue in one.items)


def _lists(replies: tuple[VendorReply | None, ...]) -> tuple[_Queues, ...]:
    lists = (read(reply.body, _Queues) for reply in replies if reply is not None)
    return tuple(one for one in lists if one is not None)
