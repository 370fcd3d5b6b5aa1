"""An account with statuses, types and custom fields of its own, and a look-alike of the vendor to write to."""

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from emulators.freshdesk.emulator import TOKEN, Freshdesk
from emulators.http import Call
from emulators.state import State
from emulators.store import Store
from mappings.freshdesk import VENDOR
from mappings.freshdesk.wire_v2 import Account
from mappings.http import VendorReply, VendorRequest
from mappings.spec import ListQuery, Mapped, VendorMapping

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).resolve().parents[3]
AUTHORIZATION = "Basic " + b64encode(VENDOR.auth.template.format(token=TOKEN).encode()).decode()

AnyMapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, AnyMapping] = {mapping.object: mapping for mapping in VENDOR.mappings}
ACCOUNT: Account = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)

# What the administrator of the look-alike has made, for the custom fields that the account's configuration names.
KINDS = {
    "seam_length": "custom_decimal",
    "favourite_stitches": "custom_multi_select_dropdown",
    "renewal_day": "custom_date",
    "newsletter": "custom_checkbox",
    "tier": "custom_dropdown",
    "nickname": "custom_text",
    "machine_number": "custom_number",
    "parts": "custom_multi_select_dropdown",
    "warranty": "custom_checkbox",
}
CHOICES = {"favourite_stitches": ["zigzag", "chain"], "tier": ["gold", "silver"], "parts": ["foot", "needle plate"]}
OF_TICKETS = ("machine_number", "parts", "warranty")


def understood(payload: bytes, mapping: AnyMapping, account: Account = ACCOUNT) -> list[Mapped[Any]]:
    """Every record of a whole answer or a bare record."""
    return [mapping.read(raw, account) for raw in VENDOR.unwrap(payload, mapping.object)]


def golden(name: str) -> bytes:
    """A record as it is sent."""
    return (FIXTURES / f"{name}.in.json").read_bytes()


def on_the_wire(body: Any) -> dict[str, Any]:
    """A drafted body as the members that Freshdesk would see."""
    seen: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return seen


def refused(draft: Any) -> dict[str, str]:
    """Pointer and kind of what a draft refuses."""
    return {refusal.pointer: refusal.kind for refusal in draft.refused}


def lost(one: Any) -> dict[str, str]:
    """Path and kind of what was lost."""
    return {loss.path: loss.kind for loss in one.loss}


def reply(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> VendorReply:
    """An answer of Freshdesk."""
    return VendorReply(status=status, headers={"content-type": "application/json", **(headers or {})}, body=body)


class LookAlike:
    """A Freshdesk account to send requests to, prepared as a connection is; its clock stands until it is moved."""

    def __init__(self, store: Store) -> None:
        self.now = 1_777_700_000.0
        store.clock = lambda: self.now
        self.store = store
        self.state = State(store, "freshdesk")
        self.freshdesk = Freshdesk()
        self.calls: list[Call] = []
        for name, kind in KINDS.items():
            object = "admin/ticket_fields" if name in OF_TICKETS else "contact_fields"
            told = {"label": name, "label_for_customers": name, "type": kind, "choices": CHOICES.get(name, [])}
            self.ask("POST", object, told)
        for request in VENDOR.setup:
            self.must(request)
        self.account = self.facts()

    def facts(self) -> Account:
        """The account as it tells of itself, with the configured custom fields as they are called there."""
        replies = tuple(self.must(request) for request in VENDOR.account_requests)
        fields = {
            name: tuple(
                msgspec.structs.replace(one, vendor_field=f"cf_{one.vendor_field.removeprefix('cf_')}")
                for one in settings
                if one.vendor_field.removeprefix("cf_") in KINDS
            )
            for name, settings in ACCOUNT.custom_fields.items()
        }
        return VENDOR.build_account(replies, fields)

    def send(self, request: VendorRequest) -> VendorReply:
        """What Freshdesk answers to a request as it would go out."""
        call = Call(
            method=request.method,
            path=unquote(request.path),
            query=request.query,
            headers={"authorization": AUTHORIZATION, "host": "nahtwerk.example"},
            body=request.body or b"",
        )
        self.calls.append(call)
        with self.store.transaction():
            answer = self.freshdesk.answer(call, self.state, self.now)
        return VendorReply(status=answer.status, headers=dict(answer.headers), body=answer.body)

    def must(self, request: VendorRequest) -> VendorReply:
        """The same for a request that has to be taken."""
        answer = self.send(request)
        assert VENDOR.refusal(answer) is None, answer.body
        return answer

    def ask(self, method: Any, path: str, body: dict[str, Any] | None = None) -> Any:
        """Something that is done at Freshdesk itself."""
        sent = None if body is None else msgspec.json.encode(body)
        request = VendorRequest(method=method, path=f"/api/v2/{path}", route=path, body=sent)
        answer = self.must(request)
        return msgspec.json.decode(answer.body) if answer.body else None

    def made(self, mapping: AnyMapping, patch: Any, marker: str = "op_1") -> Mapped[Any]:
        """What a create made."""
        assert mapping.endpoints.create is not None
        assert mapping.endpoints.receipt is not None
        draft = mapping.to_vendor(patch, None, self.account)
        assert draft.refused == ()
        answer = self.must(mapping.endpoints.create(draft.body, marker, None, self.account))
        receipt = mapping.endpoints.receipt(answer, "create")
        assert receipt.created
        assert receipt.remote_id is not None
        shown = self.read(mapping, receipt.remote_id)
        assert receipt.record is None or mapping.read(receipt.record, self.account) == shown
        return shown

    def changed(self, mapping: AnyMapping, remote_id: str, patch: Any) -> Mapped[Any]:
        """Change a record as a flow does: read, draft, send, read."""
        assert mapping.endpoints.update is not None
        draft = mapping.to_vendor(patch, mapping.decode(self.raw(mapping, remote_id)), self.account)
        assert draft.refused == ()
        self.must(mapping.endpoints.update(remote_id, draft.body, "op_9", self.account))
        return self.read(mapping, remote_id)

    def read(self, mapping: AnyMapping, remote_id: str) -> Mapped[Any]:
        """A record as it is."""
        return mapping.read(self.raw(mapping, remote_id), self.account)

    def raw(self, mapping: AnyMapping, remote_id: str) -> msgspec.Raw:
        """Its bytes."""
        assert mapping.endpoints.read is not None
        raw, _ = mapping.endpoints.record(self.must(mapping.endpoints.read(remote_id, self.account)), self.account)
        assert raw is not None
        return raw

    def pages(self, mapping: AnyMapping, query: ListQuery) -> Iterator[list[Mapped[Any]]]:
        """A list page by page."""
        assert mapping.endpoints.list is not None
        assert mapping.endpoints.page is not None
        for _ in range(60):
            page = mapping.endpoints.page(self.must(mapping.endpoints.list(query, self.account)), query, self.account)
            yield [mapping.read(record, self.account) for record in page.records]
            if page.next is None:
                return
            query = msgspec.structs.replace(query, after=page.next)
        raise AssertionError("the list does not end")


@pytest.fixture
def freshdesk() -> Iterator[LookAlike]:
    """A fresh Freshdesk account."""
    store = Store(None)
    yield LookAlike(store)
    store.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the vendors' samples and specifications; tests that need it are skipped without it."""
    folder = Path(os.environ.get("LOCKSTITCH_SHARED") or ROOT.parent / "shared")
    if not (folder / "vendor-samples").is_dir():
        pytest.skip("the vendors' own samples and specifications are not here")
    return folder
