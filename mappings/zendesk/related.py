"""The people behind the ids in tickets and comments: side-loaded with a page, or asked for once more."""

from contextlib import suppress
from typing import Final

from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.spec import Unmappable, decode
from mappings.zendesk.paging import API, MOST
from mappings.zendesk.wire_v2 import Account, Person

INCLUDE: Final = ("include", "users")
SHOW_MANY: Final = f"{API}/users/show_many"


class _Requested(Struct, frozen=True, kw_only=True):
    requester_id: int | None = None


class _People(Struct, frozen=True, kw_only=True):
    users: tuple[Person, ...]


def with_people(account: Account, people: tuple[Person, ...]) -> Account:
    """The account, knowing these people too."""
    if not people:
        return account
    return replace(account, people=account.people | {person.id: person for person in people})


def missing_requesters(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """One read of the requesters that did not come along with their tickets. Who is not found then is gone.

    A ticket that has drifted names nobody here; the mapping says so where it is read.
    """
    if account.people_asked:
        return None
    requesters: set[int | None] = set()
    for raw in records:
        with suppress(Unmappable):
            requesters.add(decode(raw, _Requested).requester_id)
    wanted = sorted(id for id in requesters if id is not None and id not in account.people)[:MOST]
    if not wanted:
        return None
    ids = ("ids", ",".join(map(str, wanted)))
    return VendorRequest(method="GET", path=SHOW_MANY, route=SHOW_MANY, query=(ids,))


def absorb(reply: VendorReply, account: Account) -> Account:
    """The account, knowing who was found."""
    return replace(with_people(account, decode(reply.body, _People).users), people_asked=True)
