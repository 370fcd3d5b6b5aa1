"""The people of a ticket both ways: who asks, who gets copies, who watches.

Somebody is named by the login name, which is the address of those who never had one, or by the address; of an address
that Request Tracker does not know it makes a user. A number names a group, or whatever else has it, so only those that
a ticket already has are taken.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Loss
from canonical.ticket import Follower, FollowerKind, FollowerPatch, Requester, RequesterPatch
from mappings.rt.wire_rest2 import Account, Person, Ticket
from mappings.spec import Notes

A_NUMBER: Final = "a number names no user: send the login name, or an email"
SEVERAL: Final = "one login name is needed; one with a comma can only be given to a ticket that is there"
PASSED_OVER: Final = "a login name that there is not is passed over without a word on a create: look at the answer"
NOT_AN_ADDRESS: Final = "not an e-mail address"
People = tuple[str, ...] | UnsetType


def requester(people: tuple[Person, ...], account: Account, loss: list[Loss]) -> Requester | None:
    """The first requestor."""
    if not people:
        return None
    if len(people) > 1:
        loss.append(Loss(path="/requester", kind="dropped", detail="the ticket has further requestors"))
    person = _with_data(people[0], account)
    email = _email(person, "/requester/email", loss)
    return Requester(remote_id=person.id, name=person.real_name or None, email=email)


def followers(record: Ticket, account: Account, loss: list[Loss]) -> tuple[Follower, ...]:
    """Those who get copies of what the requestor is told, and those who are told everything."""
    found: list[Follower] = []
    for people, kind, raw in ((record.cc, "cc", "Cc"), (record.admin_cc, "follower", "AdminCc")):
        for one in people:
            person = _with_data(one, account)
            email = _email(person, f"/followers/{len(found)}/email", loss)
            found.append(Follower(remote_id=person.id, email=email, kind=_KIND[kind], kind_raw=raw))
    return tuple(found)


_KIND: Final[dict[str, FollowerKind]] = {"cc": "cc", "follower": "follower"}


def requester_written(
    patch: RequesterPatch | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> People:
    """Who asks, alone: the list of requestors is replaced whole."""
    if isinstance(patch, UnsetType):
        return UNSET
    held = () if current is None else current.requestor
    if patch is None:
        return () if current is not None else UNSET
    if len(held) > 1:
        notes.lose("/requester", "dropped", "the ticket's further requestors are taken off it")
    if patch.phone:
        notes.unsupported("/requester/phone", "a Request Tracker ticket holds no number of its requestor")
    if patch.remote_id is not None:
        known = next((one for one in held if one.id == patch.remote_id), None)
        _compare(patch, None if known is None else _with_data(known, account), notes)
        return _named(patch.remote_id, held, "/requester/remote_id", notes, is_new=current is None)
    if not patch.email:
        notes.invalid("/requester", "a remote_id or an email is needed")
        return UNSET
    if not values.is_email(patch.email):
        notes.invalid("/requester/email", NOT_AN_ADDRESS)
        return UNSET
    email = values.email(patch.email)
    if email != patch.email:
        notes.lose("/requester/email", "coerced", "lower-cased")
    return (_introduced(patch.name, email),)


def followers_written(
    patch: tuple[FollowerPatch, ...] | None | UnsetType, current: Ticket | None, account: Account, notes: Notes
) -> tuple[People, People]:
    """Who gets copies and who watches; a list that stays as it is is not sent."""
    if isinstance(patch, UnsetType):
        return UNSET, UNSET
    wanted: dict[FollowerKind, dict[str, None]] = {"cc": {}, "follower": {}}
    held = () if current is None else (*current.cc, *current.admin_cc)
    for place, follower in enumerate(patch or ()):
        pointer = f"/followers/{place}"
        if follower.kind not in wanted:
            notes.invalid(f"{pointer}/kind", f"one of: {', '.join(wanted)}")
        elif follower.remote_id is not None:
            named = _named(follower.remote_id, held, f"{pointer}/remote_id", notes, is_new=current is None)
            wanted[follower.kind].update(dict.fromkeys(named if isinstance(named, tuple) else ()))
        elif not follower.email or not values.is_email(follower.email):
            notes.invalid(f"{pointer}/email", NOT_AN_ADDRESS)
        else:
            wanted[follower.kind][values.email(follower.email)] = None
    cc, admin_cc = tuple(wanted["cc"]), tuple(wanted["follower"])
    if current is None:
        return cc or UNSET, admin_cc or UNSET
    return (
        UNSET if _same(cc, current.cc, account) else cc,
        UNSET if _same(admin_cc, current.admin_cc, account) else admin_cc,
    )


def _with_data(person: Person, account: Account) -> Person:
    """Somebody with address and name, where these were sent or asked for."""
    if person.email_address is not None or not account.people:
        return person
    return account.people.get(person.id, person)


def _email(person: Person, path: str, loss: list[Loss]) -> str | None:
    if not person.email_address:
        return None
    email = values.email(person.email_address)
    if email != person.email_address:
        loss.append(Loss(path=path, kind="coerced", detail="lower-cased"))
    return email


def _named(remote_id: str, held: tuple[Person, ...], pointer: str, notes: Notes, *, is_new: bool) -> People:
    if "\n" in remote_id or ("," in remote_id and (is_new or "@" in remote_id)):
        notes.invalid(pointer, SEVERAL)
        return UNSET
    if not remote_id.strip() or (remote_id.isdecimal() and all(one.id != remote_id for one in held)):
        notes.invalid(pointer, A_NUMBER)
        return UNSET
    if is_new and not values.is_email(remote_id):
        notes.lose(pointer, "ambiguous", PASSED_OVER)
    return (remote_id,)


def _introduced(name: str | None, email: str) -> str:
    """An address with a name for somebody who is not known yet (RFC 5322, 3.4)."""
    told = " ".join((name or "").split())
    if not told:
        return email
    escaped = told.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{email}>'


def _same(wanted: tuple[str, ...], held: tuple[Person, ...], account: Account) -> bool:
    """Whether these are those that are there, each by login name or address."""
    if len(wanted) != len(held):
        return False
    left = {one.casefold() for one in wanted}
    for one in held:
        person = _with_data(one, account)
        if not left & {person.id.casefold(), (person.email_address or "").casefold()}:
            return False
    return True


def _compare(patch: RequesterPatch, known: Person | None, notes: Notes) -> None:
    """Name and address beside a login name are what the user has anyway, or are not taken."""
    held = (None, None) if known is None else (known.real_name, known.email_address)
    for name, sent, own in zip(("name", "email"), (patch.name, patch.email), held, strict=True):
        if sent is not None and sent.casefold() != (own or "").casefold():
            notes.lose(f"/requester/{name}", "dropped", "remote_id says who it is; their own data stand")
