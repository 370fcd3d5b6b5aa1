"""An account with custom fields, and a look-alike of Stripe to write to."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import pytest

from canonical.parts import CustomFieldSetting, ObjectName
from emulators.http import Call
from emulators.state import State
from emulators.store import Store
from emulators.stripe.emulator import KEY, Stripe
from mappings.http import VendorReply, VendorRequest
from mappings.spec import Mapped, VendorMapping
from mappings.stripe import VENDOR, form
from mappings.stripe.wire_2026_10_28 import Account

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).resolve().parents[3]

Mapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, Mapping] = {mapping.object: mapping for mapping in VENDOR.mappings}

CUSTOM_FIELDS: dict[ObjectName, tuple[CustomFieldSetting, ...]] = {
    "customer": (
        CustomFieldSetting(key="length", vendor_field="seam_length", type="number", label="Seam length"),
        CustomFieldSetting(key="stitches", vendor_field="stitches", type="multi_enum"),
        CustomFieldSetting(key="renewal", vendor_field="renewal", type="date"),
        CustomFieldSetting(key="visited", vendor_field="visited_at", type="datetime"),
        CustomFieldSetting(key="newsletter", vendor_field="newsletter", type="boolean"),
        CustomFieldSetting(key="tier", vendor_field="tier", type="enum"),
        CustomFieldSetting(key="nickname", vendor_field="nickname"),
    ),
    "order": (
        CustomFieldSetting(key="thread", vendor_field="thread"),
        CustomFieldSetting(key="thanks_page", vendor_field="success_url"),
        CustomFieldSetting(key="way_back", vendor_field="cancel_url"),
    ),
}
ACCOUNT = VENDOR.build_account((), CUSTOM_FIELDS)


def understood(payload: bytes, mapping: Mapping, account: Account = ACCOUNT) -> list[Mapped[Any]]:
    """Every record of a whole answer, an event or a bare record."""
    return [mapping.read(raw, account) for raw in VENDOR.unwrap(payload, mapping.object)]


def golden(name: str) -> bytes:
    """A record as it is sent."""
    return (FIXTURES / f"{name}.in.json").read_bytes()


def on_the_wire(body: msgspec.Struct) -> dict[str, str]:
    """A drafted body as the fields that Stripe would see."""
    return dict(parse_qsl(form.encoded(body).decode(), keep_blank_values=True))


def refused(draft: Any) -> dict[str, str]:
    """Pointer and kind of what a draft refuses."""
    return {refusal.pointer: refusal.kind for refusal in draft.refused}


def reply(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> VendorReply:
    """An answer of Stripe."""
    return VendorReply(status=status, headers={"content-type": "application/json", **(headers or {})}, body=body)


class LookAlike:
    """A Stripe account to send requests to, whose clock stands still until it is moved."""

    def __init__(self, store: Store) -> None:
        self.now = 1_790_000_000.0
        store.clock = lambda: self.now
        self.store = store
        self.state = State(store, "stripe")
        self.stripe = Stripe()
        self.calls: list[Call] = []

    def send(self, request: VendorRequest) -> VendorReply:
        """What Stripe answers to a request as it would go out."""
        call = Call(
            method=request.method,
            path=unquote(request.path),
            query=request.query,
            headers={
                "authorization": f"Bearer {KEY}",
                "content-type": request.content_type,
                **{name.lower(): value for name, value in (*VENDOR.headers, *request.headers)},
            },
            body=request.body or b"",
        )
        self.calls.append(call)
        self.now += 1
        with self.store.transaction():
            answer = self.stripe.answer(call, self.state, self.now)
        return VendorReply(status=answer.status, headers=dict(answer.headers), body=answer.body)

    def must(self, request: VendorRequest) -> VendorReply:
        """The same for a request that has to be taken."""
        answer = self.send(request)
        assert VENDOR.refusal(answer) is None, answer.body
        return answer

    def post(self, path: str, **fields: str) -> dict[str, Any]:
        """Something that is done at Stripe itself."""
        body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
        answer = self.must(VendorRequest(method="POST", path=path, route=path, body=body))
        found: dict[str, Any] = msgspec.json.decode(answer.body)
        return found

    def made(self, mapping: Mapping, patch: Any, marker: str) -> Mapped[Any]:
        """What a create made, as its answer shows it; reading it shows the same."""
        assert mapping.endpoints.create is not None
        assert mapping.endpoints.receipt is not None
        draft = mapping.to_vendor(patch, None, ACCOUNT)
        assert draft.refused == ()
        receipt = mapping.endpoints.receipt(
            self.must(mapping.endpoints.create(draft.body, marker, None, ACCOUNT)), "create"
        )
        assert receipt.record is not None
        assert receipt.created
        shown = mapping.read(receipt.record, ACCOUNT)
        assert shown == self.read(mapping, shown.remote.id)
        return shown

    def changed(self, mapping: Mapping, remote_id: str, patch: Any, marker: str = "op_9") -> Mapped[Any]:
        """Change a record as a flow does: read, draft, send."""
        assert mapping.endpoints.update is not None
        assert mapping.endpoints.receipt is not None
        draft = mapping.to_vendor(patch, mapping.decode(self.raw(mapping, remote_id)), ACCOUNT)
        assert draft.refused == ()
        answer = self.must(mapping.endpoints.update(remote_id, draft.body, marker, ACCOUNT))
        receipt = mapping.endpoints.receipt(answer, "update")
        assert receipt.record is not None
        shown = mapping.read(receipt.record, ACCOUNT)
        assert shown == self.read(mapping, remote_id)
        return shown

    def read(self, mapping: Mapping, remote_id: str) -> Mapped[Any]:
        """A record as it is."""
        return mapping.read(self.raw(mapping, remote_id), ACCOUNT)

    def raw(self, mapping: Mapping, remote_id: str) -> msgspec.Raw:
        """Its bytes."""
        assert mapping.endpoints.read is not None
        raw, _ = mapping.endpoints.record(self.must(mapping.endpoints.read(remote_id, ACCOUNT)), ACCOUNT)
        assert raw is not None
        return raw


@pytest.fixture
def stripe() -> Iterator[LookAlike]:
    """A fresh Stripe account."""
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
