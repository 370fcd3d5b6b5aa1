"""Read and write postal addresses: five fields each. The street may have several lines.

If the org has picklists of countries and states, there are two more fields with the ISO codes. Then the code of the
country is written, and that of the state if it is sent as a code: the other field accepts only the full name.
"""

from typing import Final, Literal

from canonical import values
from canonical.parts import Address, AddressPatch, AddressType, Loss
from mappings.kit.patches import country_code, refuse_members
from mappings.salesforce.wire_v62 import Account, Contact, Order, Text
from mappings.spec import Notes

Kind = Literal["mailing", "other", "billing", "shipping"]
SOBJECTS: Final[dict[Kind, str]] = {"mailing": "Contact", "other": "Contact", "billing": "Order", "shipping": "Order"}
PARTS: Final = ("street", "city", "state", "postal_code", "country")
LONGEST_CODE: Final = 3
NO_PLACE: Final = "Salesforce's address is street, city, state, postal code, country"
JOINED: Final = "several lines are joined with commas"
ONE_STREET: Final = "Salesforce keeps one street: its first line reads as line1, all others as line2"


def read(
    kind: AddressType,
    raw: str | None,
    street: str | None,
    city: str | None,
    state: str | None,
    postal_code: str | None,
    country: str | None,
    code: str | None,
    state_code: str | None,
    *,
    pointer: str,
    loss: list[Loss],
    is_default: bool = False,
) -> Address | None:
    """Return an address, None for an empty one. The first line of the street is `line1`, all others are `line2`."""
    if not (street or city or state or postal_code or country):
        return None
    line1, line2 = street, None
    if street is not None and _has_break(street):
        line1, line2, is_joined = _two_lines(street)
        if is_joined:
            loss.append(Loss(path=f"{pointer}/line2", kind="coerced", detail=JOINED))
    return Address(
        type=kind,
        type_raw=raw,
        line1=line1,
        line2=line2,
        city=city,
        region=state_code or state,
        postal_code=postal_code,
        country_code=country_of(code, country),
        country_raw=country,
        is_default=is_default,
    )


def country_of(code: str | None, name: str | None) -> str | None:
    """Return the country by its code, or by its name."""
    return values.country(code) or values.country(name)


def _has_break(street: str) -> bool:
    return "\n" in street or "\r" in street


def _two_lines(street: str) -> tuple[str | None, str | None, bool]:
    """Return the first line, all others as one, and whether these were several."""
    lines = [line.strip() for line in street.replace("\r", "\n").split("\n") if line.strip()]
    return lines[0] if lines else None, ", ".join(lines[1:]) or None, len(lines) > 2


def write(
    address: AddressPatch | None,
    kind: Kind,
    current: Contact | Order | None,
    account: Account,
    pointer: str,
    notes: Notes,
) -> dict[str, Text]:
    """Return the members of an address, such as `billing_street`; None empties all. A street and a country that mean
    the same as those of `current` keep their spelling."""
    if address is None:
        return {f"{kind}_{name}": None for name in PARTS}
    refuse_members(address, ("name", "company", "phone"), pointer, NO_PLACE, notes)
    code = country_code(address, pointer, notes)
    stored_street, stored_country = (getattr(current, f"{kind}_{name}", None) for name in ("street", "country"))
    written: dict[str, Text] = {
        f"{kind}_street": _street(address, stored_street, pointer, notes),
        f"{kind}_city": address.city or None,
        f"{kind}_postal_code": address.postal_code or None,
    }
    sobject, region = SOBJECTS[kind], address.region or None
    has_codes = sobject in account.fields and account.has(sobject, f"{kind.capitalize()}StateCode")
    written[f"{kind}_state_code" if has_codes and _is_code(region) else f"{kind}_state"] = region
    if sobject in account.fields and account.has(sobject, f"{kind.capitalize()}CountryCode"):
        written[f"{kind}_country_code"] = code
    elif code is None or values.country(stored_country) != code:
        written[f"{kind}_country"] = code
    return written


def has_place(address: AddressPatch) -> bool:
    """Return whether an address has a part that Salesforce keeps."""
    kept = (address.line1, address.line2, address.city, address.region, address.postal_code, address.country_code)
    return any(kept)


def _is_code(region: str | None) -> bool:
    return region is not None and len(region) <= LONGEST_CODE and region.isalnum() and region == region.upper()


def _street(address: AddressPatch, stored: str | None, pointer: str, notes: Notes) -> str | None:
    if stored is not None and _has_break(stored) and _two_lines(stored)[:2] == (address.line1, address.line2):
        return stored
    line2 = address.line2
    if line2 and (address.line1 or line2) == line2:
        notes.lose(f"{pointer}/line2", "coerced", ONE_STREET)
    if address.line1 is not None and _has_break(address.line1):
        for name in ("line1", "line2") if line2 else ("line1",):
            notes.lose(f"{pointer}/{name}", "coerced", ONE_STREET)
    if line2 is not None and _has_break(line2):
        line2 = ", ".join(line for line in _two_lines(line2)[:2] if line)
        notes.lose(f"{pointer}/line2", "coerced", JOINED)
    return "\n".join(dict.fromkeys(line for line in (address.line1, line2) if line)) or None
