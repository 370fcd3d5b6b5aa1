"""Further reads that complete tickets and messages: people, and the text of messages.

A ticket takes up to three reads, a list of tickets two: the people, the entry of the history that made the ticket, and
the text of that entry. Messages take one read, and one for each new author.
"""

from typing import Final
from urllib.parse import quote

from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get, remote_id
from mappings.rt.requests import ATTACHMENTS, MOST, TICKET_LIST, TRANSACTIONS, Limit, listed, search
from mappings.rt.wire_rest2 import API, Account, Message, Person
from mappings.spec import decode

PEOPLE: Final = ("Requestor", "Cc", "AdminCc")
PEOPLE_QUERY: Final = tuple((f"fields[{role}]", "EmailAddress,RealName") for role in PEOPLE)
USER: Final = f"{API}/user"
TEXTS: Final = ("text/plain", "text/html")


class _CreateEntry(Struct, frozen=True, kw_only=True, rename="pascal"):
    object_id: str


class _WithPeople(Struct, frozen=True, kw_only=True, rename="pascal"):
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
    """Build the next read that completes tickets."""
    ids = tuple(remote_id(record) for record in records)
    if account.people is None:
        query = (("query", f"id = {ids[0]}"), ("fields", ",".join(PEOPLE)), *PEOPLE_QUERY)
        return get(TICKET_LIST, *query)
    if account.firsts is None:
        made = search(
            Limit(field="ObjectType", value="RT::Ticket"),
            Limit(field="Type", value="Create"),
            Limit(field="ObjectId", operator="IN", value=ids),
        )
        parameters = (("query", made), ("fields", "ObjectId"), ("per_page", str(MOST)))
        return get(TRANSACTIONS, *parameters)
    return _texts(tuple(account.firsts.values()), account)


def absorb_tickets(reply: VendorReply, account: Account) -> Account:
    """Return the account with the answer to the last read."""
    items, more = listed(reply)
    if account.people is None:
        tickets = [decode(item, _WithPeople) for item in items]
        people = [one for ticket in tickets for one in (*ticket.requestor, *ticket.cc, *ticket.admin_cc)]
        return replace(account, people={one.id: one for one in people})
    if account.firsts is None:
        return replace(account, firsts={decode(item, _CreateEntry).object_id: remote_id(item) for item in items})
    return _with_texts(items, more, account)


def of_messages(records: tuple[Raw, ...], account: Account) -> VendorRequest | None:
    """Build the next read that completes messages: their text, then whether each author is an agent."""
    request = _texts(tuple(remote_id(record) for record in records), account)
    if request is not None or not account.authors:
        return request
    path = f"{USER}/{quote(account.authors[0], safe='')}"
    return get(path, route=f"{USER}/{{id}}")


def absorb_messages(reply: VendorReply, account: Account) -> Account:
    """Return the account with the answer to the last read."""
    if account.more_messages is not None:
        items, more = listed(reply)
        return _with_texts(items, more, account)
    author, *others = account.authors
    user = decode(reply.body, _User)
    privileged = {**account.privileged, author: str(user.privileged) == "1"}
    return replace(account, privileged=privileged, authors=tuple(others))


def bulk(account: Account) -> int:
    """Count the characters of HTML in the messages."""
    return sum(len(message.html or "") for message in (account.messages or {}).values())


def _texts(entries: tuple[str, ...], account: Account) -> VendorRequest | None:
    """Build the request for the next page of the entries' texts, None on the last page."""
    if account.more_messages is None or not entries:
        return None
    texts = search(
        Limit(field="TransactionId", operator="IN", value=entries),
        Limit(field="ContentType", operator="IN", value=TEXTS),
    )
    parameters = (
        ("query", texts),
        ("fields", "TransactionId,ContentType,Filename,Content"),
        ("orderby", "id"),
        ("per_page", str(MOST)),
        ("page", str(account.more_messages)),
    )
    return get(ATTACHMENTS, *parameters)


def _with_texts(items: tuple[Raw, ...], more: bool, account: Account) -> Account:
    """Add texts: the first of each media type is the message. One with a file name is a file."""
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
