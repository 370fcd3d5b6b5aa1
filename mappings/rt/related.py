"""What lies beside tickets and entries of their history, asked for after them: people, and the text of messages.

A ticket takes up to three more reads, a list of them two: who is at it, which entry of the history made it, and what
that entry says. Messages take one, and one for each author that was not met before.
"""

from typing import Final
from urllib.parse import quote

from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.rt.requests import ATTACHMENTS, MOST, TICKETS, TRANSACTIONS, Limit, listed, remote_id, search
from mappings.rt.wire_rest2 import API, Account, Message, Person
from mappings.spec import decode

MOST_AUTHORS: Final = 10
"""Of more people than this in one page of messages it is not asked: each is a read of its own."""
PEOPLE: Final = ("Requestor", "Cc", "AdminCc")
PEOPLE_QUERY: Final = tuple((f"fields[{role}]", "EmailAddress,RealName") for role in PEOPLE)
USER: Final = f"{API}/user"
TEXTS: Final = ("text/plain", "text/html")


class _Made(Struct, frozen=True, kw_only=True, rename="pascal"):
    object_id: str


class _Peopled(Struct, frozen=True, kw_only=True, rename="pascal"):
    requestor: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    admin_cc: tuple[Person, ...] = ()


class _Text(Struct, frozen=True, kw_only=True, rename="pascal"):
    transaction_id: str
    content_type: str
    content: str | None = None
    filename: str | None = None


class _User(Struct, frozen=True, kw_only=True, rename="pascal"):
    privileged: int | str = 0


def of_tickets(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """The next read that completes tickets."""
    ids = tuple(remote_id(record) for record in records)
    if account.people is None:
        query = (("query", f"id = {ids[0]}"), ("fields", ",".join(PEOPLE)), *PEOPLE_QUERY)
        return VendorRequest(method="GET", path=TICKETS, route=TICKETS, query=query)
    if account.firsts is None:
        made = search(
            Limit(field="ObjectType", value="RT::Ticket"),
            Limit(field="Type", value="Create"),
            Limit(field="ObjectId", operator="IN", value=ids),
        )
        asked = (("query", made), ("fields", "ObjectId"), ("per_page", str(MOST)))
        return VendorRequest(method="GET", path=TRANSACTIONS, route=TRANSACTIONS, query=asked)
    return _texts(tuple(account.firsts.values()), account)


def absorb_tickets(reply: VendorReply, account: Account) -> Account:
    """What such a read told, in the order in which they are made."""
    items, more = listed(reply)
    if account.people is None:
        tickets = [decode(item, _Peopled) for item in items]
        people = [one for ticket in tickets for one in (*ticket.requestor, *ticket.cc, *ticket.admin_cc)]
        return replace(account, people={one.id: one for one in people})
    if account.firsts is None:
        return replace(account, firsts={decode(item, _Made).object_id: remote_id(item) for item in items})
    return _with_texts(items, more, account)


def of_messages(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """The next read that completes messages: what they say, then who of their authors works at the desk."""
    request = _texts(tuple(remote_id(record) for record in records), account)
    if request is not None or not account.authors:
        return request
    path = f"{USER}/{quote(account.authors[0], safe='')}"
    return VendorRequest(method="GET", path=path, route=f"{USER}/{{id}}")


def absorb_messages(reply: VendorReply, account: Account) -> Account:
    """What such a read told, in the order in which they are made."""
    if account.more_messages is not None:
        items, more = listed(reply)
        return _with_texts(items, more, account)
    asked, *others = account.authors
    told = decode(reply.body, _User)
    privileged = {**account.privileged, asked: str(told.privileged) == "1"}
    return replace(account, privileged=privileged, authors=tuple(others))


def bulk(account: Account) -> int:
    """Characters of HTML in the messages."""
    return sum(len(message.html or "") for message in (account.messages or {}).values())


def _texts(entries: tuple[str, ...], account: Account) -> VendorRequest | None:
    """The next page of the texts of these entries; None when there is none."""
    if account.more_messages is None or not entries:
        return None
    texts = search(
        Limit(field="TransactionId", operator="IN", value=entries),
        Limit(field="ContentType", operator="IN", value=TEXTS),
    )
    asked = (
        ("query", texts),
        ("fields", "TransactionId,ContentType,Filename,Content"),
        ("orderby", "id"),
        ("per_page", str(MOST)),
        ("page", str(account.more_messages)),
    )
    return VendorRequest(method="GET", path=ATTACHMENTS, route=ATTACHMENTS, query=asked)


def _with_texts(items: tuple[Raw, ...], more: bool, account: Account) -> Account:
    """The first text of each form is the message; what has a name is a file."""
    messages = dict(account.messages or {})
    for item in items:
        text = decode(item, _Text)
        if text.filename:
            continue
        message = messages.get(text.transaction_id, Message())
        if text.content_type == "text/html" and message.html is None:
            messages[text.transaction_id] = replace(message, html=text.content or "")
        elif text.content_type == "text/plain" and message.plain is None:
            messages[text.transaction_id] = replace(message, plain=text.content or "")
    following = (account.more_messages or 1) + 1 if more else None
    return replace(account, messages=messages, more_messages=following)
