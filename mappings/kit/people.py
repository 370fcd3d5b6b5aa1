"""Customers of a vendor that keeps one e-mail address and one telephone number: take the primary, refuse the rest."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType

from canonical import values
from canonical.customer import EmailPatch, EmailStatus, PhonePatch
from canonical.ticket import RequesterPatch
from mappings.kit import patches
from mappings.spec import Notes

KNOWN: Final = (UNSET, "unknown")


class OnlyOne(Struct, frozen=True, kw_only=True):
    """What a vendor says to everything but one plain address or number. None of a reason lets that part pass."""

    others: str
    type: str | None = None
    status: str | None = None
    primary: str | None = None


def only_email(vendor: str) -> OnlyOne:
    """The reasons of a vendor that keeps one e-mail address and nothing about it."""
    return OnlyOne(
        others=f"{vendor} keeps one e-mail address",
        type=f"{vendor} keeps no kind of address",
        status=f"{vendor} does not know whether mail arrives",
        primary="the only address is the primary one",
    )


def only_phone(vendor: str) -> OnlyOne:
    """The reasons of a vendor that keeps one telephone number and nothing about it."""
    return OnlyOne(
        others=f"{vendor} keeps one telephone number",
        type=f"{vendor} keeps no kind of number",
        primary="the only number is the primary one",
    )


def primary(sent: Sequence[EmailPatch | PhonePatch], otherwise: int = 0) -> int:
    """Return the place of the primary one; of the first, or `otherwise`, where none is marked."""
    return next((place for place, one in enumerate(sent) if one.is_primary is True), otherwise)


def write_email(
    sent: tuple[EmailPatch, ...] | None | UnsetType,
    reasons: OnlyOne,
    notes: Notes,
    *,
    folds: bool = True,
    held_status: EmailStatus = "unknown",
) -> str | None | UnsetType:
    """Return the primary address, None to take it away. The others are refused. It is in lower case, unless the vendor
    itself folds addresses and keeps their spelling: `folds=False`. `held_status` is that of `refuse_details`."""
    if isinstance(sent, UnsetType) or not sent:
        return UNSET if isinstance(sent, UnsetType) else None
    place = only(sent, "/emails", reasons, notes, held_status)
    address = sent[place].address
    return patches.email(address, f"/emails/{place}/address", notes) if folds else address


def write_phone(
    sent: tuple[PhonePatch, ...] | None | UnsetType,
    reasons: OnlyOne,
    notes: Notes,
    spelling: Literal["raw", "e164"] = "raw",
) -> str | None | UnsetType:
    """Return the primary number, None to take it away. The others are refused. `spelling` is what is preferred."""
    if isinstance(sent, UnsetType) or not sent:
        return UNSET if isinstance(sent, UnsetType) else None
    place = only(sent, "/phones", reasons, notes)
    raw = (sent[place].raw or "").strip()
    number = (raw or sent[place].e164) if spelling == "raw" else (sent[place].e164 or raw)
    if not number:
        notes.invalid(f"/phones/{place}", "e164 or raw is needed")
        return UNSET
    return number


def phone_text(phone: PhonePatch, country: str | None) -> str | None:
    """Return a number as the caller spells it if it means the same in the country, so an array that was read can be
    sent back; else as E.164. None without a number."""
    if not phone.e164 or not phone.raw:
        return phone.e164 or phone.raw
    return phone.raw if values.phone(phone.raw, country) == phone.e164 else phone.e164


def refuse_details(
    one: EmailPatch | PhonePatch, pointer: str, reasons: OnlyOne, notes: Notes, held_status: EmailStatus = "unknown"
) -> None:
    """Refuse what is said about an address or a number beyond itself. `held_status` is what the vendor reports of the
    address: it can be sent back."""
    if reasons.type is not None and one.type not in KNOWN:
        notes.unsupported(f"{pointer}/type", reasons.type)
    if reasons.status is not None and isinstance(one, EmailPatch) and one.status not in (*KNOWN, held_status):
        notes.unsupported(f"{pointer}/status", reasons.status)
    if reasons.primary is not None and one.is_primary is False:
        notes.unsupported(f"{pointer}/is_primary", reasons.primary)


def only(
    sent: Sequence[EmailPatch | PhonePatch],
    pointer: str,
    reasons: OnlyOne,
    notes: Notes,
    held_status: EmailStatus = "unknown",
) -> int:
    """Return the place of the primary one. The others are refused, and so are its details."""
    place = primary(sent)
    for other in range(len(sent)):
        if other != place:
            notes.unsupported(f"{pointer}/{other}", reasons.others)
    refuse_details(sent[place], f"{pointer}/{place}", reasons, notes, held_status)
    return place


def compare_requester(patch: RequesterPatch, known: Mapping[str, str | None], notes: Notes) -> None:
    """Report each member of a requester with an id that differs from the known one: it is not written."""
    for name, held in known.items():
        sent = getattr(patch, name)
        if sent is not None and sent.casefold() != (held or "").casefold():
            notes.lose(f"/requester/{name}", "dropped", "remote_id says who it is; their own data stand")
