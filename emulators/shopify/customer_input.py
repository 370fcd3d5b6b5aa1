"""Check the input of a customer and build its record."""

from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from emulators.addresses import folded
from emulators.shopify import records, tags
from emulators.shopify.addresses import address
from emulators.shopify.context import Context
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import moment
from emulators.state import State

JsonRecord = dict[str, Any]

SHOP_COUNTRY = "US"
_LONGEST = {"firstName": 255, "lastName": 255, "note": 5000}
_LABELS = {"firstName": "First name", "lastName": "Last name", "note": "Note"}
_PLAIN = ("firstName", "lastName", "note", "locale", "taxExempt", "taxExemptions")


def tidy_email(text: str | None) -> str | None:
    """Return an e-mail address as Shopify stores it: without blanks, in lower case. None for an empty one."""
    bare = folded("".join((text or "").split()))
    return bare or None


def tidy_phone(text: str | None) -> str | None:
    """Return a phone number as E.164, with the shop's country if it has no prefix; None if it is invalid."""
    try:
        number = phonenumbers.parse(text or "", SHOP_COUNTRY)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def written(context: Context, before: JsonRecord | None, input: JsonRecord, path: list[str]) -> JsonRecord:
    """Return the record with an input applied to `before` (None: a new customer, still without an id).

    Absent members stay; null and "" clear. `path` leads to the input in the arguments. Raises `Refused` with all errors
    at once.
    """
    record: JsonRecord = dict(before) if before else {"createdAt": moment(context.now)}
    flaws: list[JsonRecord] = []
    for field in _PLAIN:
        if field in input:
            record[field] = input[field] if input[field] != "" else None
            flaws += _length_flaw(field, input[field], path)
    if input.get("tags") is not None:
        record["tags"] = tags.tidy(input["tags"])
        flaws += tags.flaws(input["tags"], [*path, "tags"])
    if "email" in input:
        flaws += _write_email(context.state, record, input["email"], path)
    if "phone" in input:
        flaws += _write_phone(context.state, record, input["phone"], path)
    if input.get("addresses") is not None:
        _write_addresses(context.state, record, input["addresses"])
    names = (record.get("firstName"), record.get("lastName"))
    if not flaws and not any((*names, records.email_of(record), records.phone_of(record))):
        flaws.append(user_error(None, "A name, phone number, or email address must be present", "BLANK"))
    if flaws:
        raise Refused(*flaws)

    # Empty values in place of null, which Shopify does not return here.
    record["locale"] = record.get("locale") or "en"
    record["taxExempt"] = bool(record.get("taxExempt"))
    record["taxExemptions"] = record.get("taxExemptions") or []
    record["displayName"] = display_name(record)
    record["updatedAt"] = moment(context.now)
    return record


def display_name(record: JsonRecord) -> str:
    """Return the full name, else the e-mail address, else the phone number."""
    names = [name for name in (record.get("firstName"), record.get("lastName")) if name]
    return " ".join(names) or records.email_of(record) or records.phone_of(record) or ""


def _length_flaw(field: str, value: Any, path: list[str]) -> list[JsonRecord]:
    most = _LONGEST.get(field)
    if most is None or not isinstance(value, str) or len(value) <= most:
        return []
    message = f"{_LABELS[field]} is too long (maximum is {most} characters)"
    return [user_error([*path, field], message, "TOO_LONG")]


def _write_email(state: State, record: JsonRecord, text: str | None, path: list[str]) -> list[JsonRecord]:
    email = tidy_email(text)
    if email is None:
        record["defaultEmailAddress"] = None
        return []
    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return [user_error([*path, "email"], "Email is invalid", "INVALID")]
    if _taken(state, record, "email", email):
        return [user_error([*path, "email"], "Email has already been taken", "TAKEN")]
    record["defaultEmailAddress"] = {**(record.get("defaultEmailAddress") or {}), "emailAddress": email}
    return []


def _write_phone(state: State, record: JsonRecord, text: str | None, path: list[str]) -> list[JsonRecord]:
    if not text:
        record["defaultPhoneNumber"] = None
        return []
    phone = tidy_phone(text)
    if phone is None:
        return [user_error([*path, "phone"], "Phone is invalid", "INVALID")]
    if _taken(state, record, "phone", phone):
        return [user_error([*path, "phone"], "Phone has already been taken", "TAKEN")]
    record["defaultPhoneNumber"] = {**(record.get("defaultPhoneNumber") or {}), "phoneNumber": phone}
    return []


def _write_addresses(state: State, record: JsonRecord, inputs: list[JsonRecord]) -> None:
    nodes = [address(state, one, owner="CustomerAddress") for one in inputs]
    record["addressesV2"] = {"nodes": nodes}
    record["defaultAddress"] = nodes[0] if nodes else None


def _taken(state: State, record: JsonRecord, name: str, value: str) -> bool:
    holder = records.by_key(state, records.CUSTOMER, name, value)
    return holder is not None and holder["id"] != record.get("id")
