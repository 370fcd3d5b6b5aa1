"""An org with picklists, record types and custom fields of its own, and a look-alike of the vendor to write to."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from canonical.parts import CustomFieldSetting, ObjectName
from emulators.http import Call
from emulators.salesforce import EMULATOR
from emulators.salesforce.emulator import TOKEN
from emulators.state import State
from emulators.store import Store
from mappings.http import VendorRefusal, VendorReply, VendorRequest
from mappings.salesforce import VENDOR
from mappings.salesforce.wire_v62 import Account
from mappings.spec import ListQuery, Mapped, VendorMapping

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).resolve().parents[3]

Mapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, Mapping] = {mapping.object: mapping for mapping in VENDOR.mappings}

CUSTOM_FIELDS: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {
    "customer": (
        CustomFieldSetting(key="stitches", vendor_field="Stitches__c", type="multi_enum", label="Stitches"),
        CustomFieldSetting(key="needles", vendor_field="Needles__c", type="number"),
        CustomFieldSetting(key="renewal", vendor_field="Renewal__c", type="date"),
        CustomFieldSetting(key="visited", vendor_field="Visited__c", type="datetime"),
        CustomFieldSetting(key="vip", vendor_field="Vip__c", type="boolean"),
        CustomFieldSetting(key="nickname", vendor_field="Nickname__c", type="string"),
        CustomFieldSetting(key="tier", vendor_field="Tier__c", type="enum"),
        CustomFieldSetting(key="account", vendor_field="AccountId", type="string"),
    ),
    "ticket": (CustomFieldSetting(key="record_type", vendor_field="RecordTypeId", type="enum"),),
}
OWN_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "Stitches__c", "type": "multipicklist", "values": ["zigzag", "blind", "satin"]},
    {"name": "Needles__c", "type": "double"},
    {"name": "Renewal__c", "type": "date"},
    {"name": "Visited__c", "type": "datetime"},
    {"name": "Vip__c", "type": "boolean"},
    {"name": "Nickname__c", "type": "string"},
    {"name": "Tier__c", "type": "picklist", "values": ["gold", "silver"], "restricted": True},
)


def reply(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> VendorReply:
    """An answer of Salesforce."""
    told = {"content-type": "application/json;charset=UTF-8", **(headers or {})}
    return VendorReply(status=status, headers=told, body=body)


def refused(draft: Any) -> dict[str, str]:
    """Pointer and kind of what a draft refuses."""
    return {refusal.pointer: refusal.kind for refusal in draft.refused}


class AtHand:
    """An org without a network, as a connection meets it."""

    def __init__(self) -> None:
        self.store = Store(None)
        self.now = time.time()
        self.store.clock = lambda: self.now
        self.state = State(self.store, "salesforce")
        self.calls: list[Call] = []
        for field in OWN_FIELDS:
            EMULATOR.put_record("fields", {"sobject": "Contact", **field}, self.state)
        self.account = self.learnt()

    def learnt(self) -> Account:
        """The account's facts as they are now."""
        replies = [self.send(request) for request in VENDOR.account_requests]
        read = tuple(None if VENDOR.refusal(one) is not None else one for one in replies)
        return VENDOR.build_account(read, CUSTOM_FIELDS)

    def place(self, object: str, **record: Any) -> dict[str, Any]:
        """A record past all rules."""
        return EMULATOR.put_record(object, record, self.state)

    def send(self, request: VendorRequest) -> VendorReply:
        call = Call(
            method=request.method,
            path=unquote(request.path),
            query=request.query,
            headers={
                "authorization": f"Bearer {TOKEN}",
                **{name.lower(): value for name, value in request.headers},
            },
            body=request.body or b"",
        )
        self.calls.append(call)
        with self.store.transaction():
            answer = EMULATOR.answer(call, self.state, self.now)
        return VendorReply(status=answer.status, headers=dict(answer.headers), body=answer.body)

    def refusal(self, request: VendorRequest) -> VendorRefusal | None:
        return VENDOR.refusal(self.send(request))

    def ask(self, request: VendorRequest) -> VendorReply:
        answer = self.send(request)
        assert VENDOR.refusal(answer) is None, answer
        return answer

    def drafted(self, mapping: Mapping, patch: Any, marker: str, parent: str | None = None) -> VendorRequest:
        assert mapping.endpoints.create is not None
        draft = mapping.to_vendor(patch, None, self.account)
        assert draft.refused == ()
        return mapping.endpoints.create(draft.body, marker, parent, self.account)

    def made(self, mapping: Mapping, patch: Any, marker: str, parent: str | None = None) -> str:
        """The id of a new record."""
        assert mapping.endpoints.receipt is not None
        answer = self.ask(self.drafted(mapping, patch, marker, parent))
        receipt = mapping.endpoints.receipt(answer, "comment" if mapping.object == "comment" else "create")
        assert receipt.remote_id is not None
        return receipt.remote_id

    def changed(self, mapping: Mapping, id: str, patch: Any) -> None:
        """Change a record, as a flow does: read, draft, send."""
        assert mapping.endpoints.update is not None
        raw, account = self.raw(mapping, id)
        draft = mapping.to_vendor(patch, mapping.decode(raw), account)
        assert draft.refused == ()
        self.ask(mapping.endpoints.update(id, draft.body, "op_9", self.account))

    def read(self, mapping: Mapping, id: str) -> Mapped[Any]:
        raw, account = self.raw(mapping, id)
        return mapping.read(raw, account)

    def raw(self, mapping: Mapping, id: str) -> tuple[msgspec.Raw, Account]:
        assert mapping.endpoints.read is not None
        raw, account = mapping.endpoints.record(self.ask(mapping.endpoints.read(id, self.account)), self.account)
        assert raw is not None
        return raw, self._complete(mapping, (raw,), account)

    def listed(self, mapping: Mapping, query: ListQuery) -> list[Mapped[Any]]:
        """All pages."""
        assert mapping.endpoints.list is not None
        assert mapping.endpoints.page is not None
        found: list[Mapped[Any]] = []
        for _ in range(50):
            page = mapping.endpoints.page(self.ask(mapping.endpoints.list(query, self.account)), query, self.account)
            assert len(page.records) <= query.limit
            account = self._complete(mapping, page.records, page.account)
            found += [mapping.read(record, account) for record in page.records]
            if page.next is None:
                return found
            query = msgspec.structs.replace(query, after=page.next)
        raise AssertionError("the list does not end")

    def _complete(self, mapping: Mapping, records: tuple[msgspec.Raw, ...], account: Account) -> Account:
        if mapping.endpoints.side_load is None:
            return account
        assert mapping.endpoints.absorb is not None
        for _ in range(9):
            request = mapping.endpoints.side_load(records, account)
            if request is None:
                return account
            account = mapping.endpoints.absorb(self.ask(request), account)
        raise AssertionError("side loading does not end")


@pytest.fixture
def salesforce() -> Iterator[AtHand]:
    """A fresh org."""
    at_hand = AtHand()
    yield at_hand
    at_hand.store.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the vendors' samples and specifications; tests that need it are skipped without it."""
    folder = Path(os.environ.get("LOCKSTITCH_SHARED") or ROOT.parent / "shared")
    if not (folder / "vendor-specs").is_dir():
        pytest.skip("the vendors' own samples and specifications are not here")
    return folder
