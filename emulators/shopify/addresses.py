"""Mailing addresses: complete an input."""

from typing import Any

from babel import Locale

from emulators.shopify.ids import new_gid
from emulators.shopify.provinces import PROVINCES
from emulators.state import State

JsonRecord = dict[str, Any]

_COUNTRIES: dict[str, str] = {
    code: name for code, name in Locale("en").territories.items() if len(code) == 2 and code.isalpha()
}
_TEXTS = ("address1", "address2", "city", "company", "firstName", "lastName", "phone", "zip")


def address(state: State, input: JsonRecord, owner: str | None = None) -> JsonRecord:
    """Return an input address as a `MailingAddress`. `owner` is the model that has it; its id names it after a `?`:
    `gid://shopify/MailingAddress/1?model_name=CustomerAddress`."""
    gid = input.get("id") or new_gid(state, "MailingAddress") + (f"?model_name={owner}" if owner else "")
    code = input.get("countryCode")
    province_code, province = _province(code, input)
    made: JsonRecord = {key: input.get(key) or None for key in _TEXTS}
    names = [name for name in (made["firstName"], made["lastName"]) if name]
    return made | {
        "id": gid,
        "name": " ".join(names) or None,
        "country": _COUNTRIES.get(code or "", code),
        "countryCodeV2": code,
        "province": province,
        "provinceCode": province_code,
    }


def _province(country: str | None, input: JsonRecord) -> tuple[str | None, str | None]:
    known = PROVINCES.get(country or "", {})
    code, name = input.get("provinceCode"), input.get("province")
    if not code and name:
        codes = {full.lower(): short for short, full in known.items()}
        code = name.upper() if name.upper() in known else codes.get(name.lower())
    return code, known.get(code, name or code) if code else name
