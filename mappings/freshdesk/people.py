"""Writing the people of a ticket: who asks, and who gets copies."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from canonical import values
from canonical.ticket import FollowerPatch, RequesterPatch
from mappings.freshdesk.wire_v2 import Requester, Ticket
from mappings.kit import patches
from mappings.kit.people import compare_requester
from mappings.spec import Notes


class Asking(Struct, frozen=True, kw_only=True):
    """Who asks, in the members of a ticket's write: by id, by address, or by number and name."""

    requester_id: int | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


NOBODY: Final = Asking()


def requester_written(patch: RequesterPatch | None | UnsetType, current: Ticket | None, notes: Notes) -> Asking:
    """By id, by address or by number; Freshdesk looks the contact up, or makes one of somebody new."""
    if not isinstance(patch, RequesterPatch):
        if current is None or patch is None:
            notes.invalid("/requester", "a Freshdesk ticket always has a requester: send a remote_id or an email")
        return NOBODY
    if patch.remote_id is not None:
        id = patches.record_id(patch.remote_id, "/requester/remote_id", "Freshdesk", notes)
        if not isinstance(id, int):
            return NOBODY
        held = None if current is None else current.requester
        known = held if held is not None and held.id == id else Requester(id=id)
        of_known = {"name": known.name, "email": known.email, "phone": known.phone or known.mobile}
        compare_requester(patch, of_known, notes)
        return Asking(requester_id=id)
    name = patch.name if patch.name and patch.name.strip() else UNSET
    if patch.email:
        return _by_email(patch, patch.email, name, notes)
    if not patch.phone:
        notes.invalid("/requester", "a remote_id, an e-mail address or a phone number is needed")
        return NOBODY
    if isinstance(name, UnsetType):
        notes.invalid("/requester/name", "Freshdesk needs a name beside a phone number")
        return NOBODY
    return Asking(phone=patch.phone, name=name)


def copied_written(
    patch: tuple[FollowerPatch, ...] | None | UnsetType, current: Ticket | None, notes: Notes
) -> tuple[str, ...] | UnsetType:
    """Addresses that get copies. Freshdesk takes them when a ticket is created, and keeps them."""
    if isinstance(patch, UnsetType):
        return UNSET
    wanted: dict[str, None] = {}
    for place, follower in enumerate(patch or ()):
        if follower.kind != "cc":
            notes.unsupported(
                f"/followers/{place}/kind", "Freshdesk's watchers are not told by its tickets; one of: cc"
            )
        elif not follower.email or not values.is_email(follower.email):
            notes.invalid(f"/followers/{place}/email", "an e-mail address is needed")
        else:
            wanted[values.email(follower.email)] = None
    if current is None:
        return tuple(wanted) or UNSET
    held = {values.email(address) for address in current.cc_emails or ()}
    if held != set(wanted):
        notes.unsupported("/followers", "Freshdesk takes copied addresses when a ticket is created, and not later")
    return UNSET


def _by_email(patch: RequesterPatch, address: str, name: str | UnsetType, notes: Notes) -> Asking:
    email = patches.checked_email(address, "/requester/email", notes)
    if email is None:
        return NOBODY
    if patch.phone:
        notes.unsupported("/requester/phone", "beside an address Freshdesk takes no number; set it at the contact")
    return Asking(email=email, name=name)
