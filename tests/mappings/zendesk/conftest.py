"""An account with names, people and custom fields of its own, and an emulator of the vendor to write to."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from canonical.parts import CustomFieldSetting, ObjectName
from emulators.zendesk.emulator import CREDENTIALS, Zendesk
from mappings.spec import Mapped, VendorMapping, decode
from mappings.zendesk import VENDOR
from mappings.zendesk.wire_v2 import Account, Organization, Person
from tests.fixtures import opened
from tests.mappings.drafts import reply
from tests.mappings.emulated import EmulatedAccount

FIXTURES = Path(__file__).parent / "fixtures"

AnyMapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, AnyMapping] = {mapping.object: mapping for mapping in VENDOR.mappings}

CUSTOM_FIELDS: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {
    "customer": (
        CustomFieldSetting(key="length", vendor_field="seam_length", type="number", label="Seam length"),
        CustomFieldSetting(key="stitches", vendor_field="favourite_stitches", type="multi_enum"),
        CustomFieldSetting(key="renewal", vendor_field="renewal_day", type="date"),
        CustomFieldSetting(key="visited", vendor_field="visited_at", type="datetime"),
        CustomFieldSetting(key="newsletter", vendor_field="newsletter", type="boolean"),
        CustomFieldSetting(key="tier", vendor_field="tier", type="enum"),
        CustomFieldSetting(key="nickname", vendor_field="nickname", type="string"),
    ),
    "ticket": (
        CustomFieldSetting(key="machine", vendor_field="27100000000501", type="number"),
        CustomFieldSetting(key="parts", vendor_field="27100000000502", type="multi_enum"),
        CustomFieldSetting(key="warranty", vendor_field="27100000000503", type="boolean"),
    ),
}
STATUSES = b'{"custom_statuses":[{"id":27000000000777,"agent_label":"Waiting for parts"},{"id":2,"agent_label":""}]}'
MYSELF = b'{"user":{"id":27000000000001,"name":"Dev Admin","email":"dev@nahtwerk.example","role":"admin"}}'


def understood(payload: bytes, mapping: AnyMapping, account: Account) -> list[Mapped[Any]]:
    """Every record of a whole answer, a webhook's body or a bare record, with the people who came along."""
    known = with_everybody(payload, account)
    return [read_any(bytes(raw), mapping, known) for raw in VENDOR.unwrap(payload, mapping.object)]


def read_any(record: bytes, mapping: AnyMapping, account: Account) -> Mapped[Any]:
    """A record in whichever shape it has."""
    members = frozenset(decode(record, dict[str, msgspec.Raw]))
    for shape in mapping.shapes:
        if shape.matches(members):
            return shape.to_canonical(decode(record, shape.record), account)
    return mapping.read(record, account)


def with_everybody(payload: bytes, account: Account) -> Account:
    """The account with what an answer side-loads."""
    answer = decode(payload, SideLoads)
    return msgspec.structs.replace(
        account,
        people=account.people | {person.id: person for person in answer.users},
        organizations=account.organizations | {one.id: one.name for one in answer.organizations if one.name},
    )


class SideLoads(msgspec.Struct):
    """The related records of an answer."""

    users: tuple[Person, ...] = ()
    organizations: tuple[Organization, ...] = ()


class Desk(EmulatedAccount[Account]):
    """An account whose clock stands still until it is moved."""

    def __init__(self) -> None:
        headers = {"authorization": next(iter(CREDENTIALS)), "host": "nahtwerk.zendesk.com"}
        super().__init__(VENDOR, Zendesk(), headers, now=1_777_700_000.0)


zendesk = opened(Desk)
"""A fresh Zendesk account."""


@pytest.fixture(scope="session")
def account() -> Account:
    """An account whose administrator named a status, with custom fields, and the agent that we are."""
    return VENDOR.build_account((reply(STATUSES), reply(MYSELF)), CUSTOM_FIELDS)
