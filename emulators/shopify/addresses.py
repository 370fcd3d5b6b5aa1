"""Mailing addresses: complete an input, and format it for a label."""

from typing import Any

from babel import Locale

from emulators.shopify.ids import new_gid
from emulators.shopify.provinces import PROVINCES
from emulators.state import State

JsonRecord = dict[str, Any]

_COUNTRIES: dict[str, str] = {
    code: name for code, name in Locale("en").territories.items() if len(code) == 2 and code.isalpha()
}
_CODES = {name.lower(): code for code, name in _COUNTRIES.items()}
_TEXTS = ("address1", "address2", "city", "company", "firstName", "lastName", "phone", "zip")


def address(state: State, input: JsonRecord, owner: str | None = None) -> JsonRecord:
    """Return an input address as a `MailingAddress`. `owner` is the model that has it; its id names it after a `?`:
    `gid://shopify/MailingAddress/1?model_name=CustomerAddress`."""
    gid = input.get("id") or new_gid(state, "MailingAddress") + (f"?model_name={owner}" if owner else "")
    code, country = _country(input)
    province_code, province = _province(code, input)
    made: JsonRecord = {key: input.get(key) or None for key in _TEXTS}
    names = [name for name in (made["firstName"], made["lastName"]) if name]
    made |= {
        "id": gid,
        "name": " ".join(names) or None,
        "country": country,
        "countryCode": code,
        "countryCodeV2": code,
        "province": province,
        "provinceCode": province_code,
        "coordinatesValidated": False,
    }
    made["formattedArea"] = _area(made)
    return made


def formatted(record: JsonRecord, *, with_name: bool, with_company: bool) -> list[str]:
    """Return the lines of a label, without empty ones."""
    city = " ".join(str(record[key]) for key in ("city", "provinceCode", "zip") if record.get(key))
    lines = [
        record.get("name") if with_name else None,
        record.get("company") if with_company else None,
        record.get("address1"),
        record.get("address2"),
        city,
        record.get("country"),
    ]
    return [str(line) for line in lines if line]


def same_place(one: JsonRecord | None, other: JsonRecord | None) -> bool:
    """Return whether two addresses are equal, without their ids."""
    return _bare(one) == _bare(other)


def _country(input: JsonRecord) -> tuple[str | None, str | None]:
    code, name = input.get("countryCode"), input.get("country")
    if not code and name:
        code = name.upper() if name.upper() in _COUNTRIES else _CODES.get(name.lower())
    return code, _COUNTRIES.get(code, name) if code else name


def _province(country: str | None, input: JsonRecord) -> tuple[str | None, str | None]:
    known = PROVINCES.get(country or "", {})
    code, name = input.get("provinceCode"), input.get("province")
    if not code and name:
        codes = {full.lower(): short for short, full in known.items()}
        code = name.upper() if name.upper() in known else codes.get(name.lower())
    return code, known.get(code, name or code) if code else name


def _area(made: JsonRecord) -> str | None:
    place = " ".join(part for part in (made["city"], made["provinceCode"]) if part)
    return ", ".join(part for part in (place, made["country"]) if part) or None


def _bare(record: JsonRecord | None) -> JsonRecord | None:
    return {key: value for key, value in record.items() if key != "id"} if record else None
