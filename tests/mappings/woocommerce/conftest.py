"""A shop with custom fields, and its look-alike to write to."""

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emulators.http import Call
from emulators.state import State
from emulators.store import Store
from emulators.woocommerce.emulator import KEY, SECRET, WooCommerce
from mappings.http import VendorReply, VendorRequest
from mappings.spec import ListQuery, Mapped, VendorMapping
from mappings.woocommerce import VENDOR
from mappings.woocommerce.wire_v3 import Account

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).resolve().parents[3]

Mapping = VendorMapping[Any, Any, Any, Any, Account]
MAPPINGS: dict[str, Mapping] = {mapping.object: mapping for mapping in VENDOR.mappings}
ACCOUNT = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)
BASIC = b64encode(f"{KEY}:{SECRET}".encode()).decode()


def golden(name: str) -> bytes:
    """A record as it is sent."""
    return (FIXTURES / f"{name}.in.json").read_bytes()


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> VendorReply:
    """An answer of a shop; what is not bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return VendorReply(status=status, headers=headers or {}, body=sent)


def refused(draft: Any) -> dict[str, str]:
    """Pointer and kind of what a draft refuses."""
    return {refusal.pointer: refusal.kind for refusal in draft.refused}


def on_the_wire(body: msgspec.Struct) -> dict[str, Any]:
    """A drafted body as the shop would see it."""
    sent: dict[str, Any] = json.loads(msgspec.json.encode(body))
    return sent


class LookAlike:
    """A shop to send requests to, whose clock goes on by a second with each call."""

    def __init__(self, store: Store) -> None:
        self.now = 1_790_000_000.0
        store.clock = lambda: self.now
        self.store = store
        self.state = State(store, "woocommerce")
        self.shop = WooCommerce()
        self.account = ACCOUNT

    def set(self, **settings: str) -> None:
        """Change the shop's settings, and know them."""
        for name, value in settings.items():
            self.shop.put_record("settings", {"id": name, "value": value}, self.state)
        replies = tuple(self.must(request) for request in VENDOR.account_requests)
        self.account = VENDOR.build_account(replies, ACCOUNT.custom_fields)

    def send(self, request: VendorRequest) -> VendorReply:
        """What the shop answers to a request as it would go out."""
        self.now += 1
        call = Call(
            method=request.method,
            path=request.path,
            query=request.query,
            headers={"authorization": f"Basic {BASIC}", "content-type": request.content_type, "host": "shop.example"},
            body=request.body or b"",
        )
        with self.store.transaction():
            answer = self.shop.answer(call, self.state, self.now)
        return VendorReply(status=answer.status, headers=dict(answer.headers), body=answer.body)

    def must(self, request: VendorRequest) -> VendorReply:
        """The same for a request that has to be taken."""
        answer = self.send(request)
        assert VENDOR.refusal(answer) is None, answer.body
        return answer

    def do(self, method: Any, path: str, **body: Any) -> Any:
        """Something that is done in the shop itself."""
        request = VendorRequest(
            method=method, path=f"/wp-json/wc/v3{path}", route=path, body=json.dumps(body).encode() if body else None
        )
        return json.loads(self.must(request).body)

    def create(self, mapping: Mapping, patch: Any, marker: str) -> VendorRequest:
        """The request that creates."""
        assert mapping.endpoints.create is not None
        draft = mapping.to_vendor(patch, None, self.account)
        assert draft.refused == ()
        return mapping.endpoints.create(draft.body, marker, None, self.account)

    def made(self, mapping: Mapping, patch: Any, marker: str = "op_1") -> Mapped[Any]:
        """What a create made, as its answer shows it; reading it shows the same."""
        assert mapping.endpoints.receipt is not None
        receipt = mapping.endpoints.receipt(self.must(self.create(mapping, patch, marker)), "create")
        assert receipt.record is not None
        shown = mapping.read(receipt.record, self.account)
        assert shown == self.read(mapping, shown.remote.id)
        return shown

    def changed(self, mapping: Mapping, remote_id: str, patch: Any) -> Mapped[Any]:
        """Change a record as a flow does: read, draft, send, and read where the answer does not hold all of it."""
        assert mapping.endpoints.update is not None
        assert mapping.endpoints.receipt is not None
        raw, account = self.raw(mapping, remote_id)
        draft = mapping.to_vendor(patch, mapping.decode(raw), account)
        assert draft.refused == ()
        receipt = mapping.endpoints.receipt(
            self.must(mapping.endpoints.update(remote_id, draft.body, "op_9", account)), "update"
        )
        shown = self.read(mapping, remote_id)
        assert receipt.remote_id == remote_id
        assert receipt.record is None or mapping.read(receipt.record, self.account) == shown
        return shown

    def read(self, mapping: Mapping, remote_id: str) -> Mapped[Any]:
        """A record as it is, with what lies beside it."""
        return mapping.read(*self.raw(mapping, remote_id))

    def raw(self, mapping: Mapping, remote_id: str) -> tuple[msgspec.Raw, Account]:
        """Its bytes, and the account with what lies beside it."""
        assert mapping.endpoints.read is not None
        answer = self.must(mapping.endpoints.read(remote_id, self.account))
        raw, account = mapping.endpoints.record(answer, self.account)
        assert raw is not None
        return raw, self._completed(mapping, (raw,), account)

    def listed(self, mapping: Mapping, query: ListQuery) -> list[Mapped[Any]]:
        """All pages."""
        found: list[Mapped[Any]] = []
        for page in self.pages(mapping, query):
            found += page
        return found

    def pages(self, mapping: Mapping, query: ListQuery) -> Iterator[list[Mapped[Any]]]:
        """One page after the other, each asked for when it is wanted."""
        assert mapping.endpoints.list is not None
        assert mapping.endpoints.page is not None
        for _ in range(100):
            page = mapping.endpoints.page(self.must(mapping.endpoints.list(query, self.account)), query, self.account)
            assert len(page.records) <= query.limit
            account = self._completed(mapping, page.records, page.account)
            yield [mapping.read(raw, account) for raw in page.records]
            if page.next is None:
                return
            query = msgspec.structs.replace(query, after=page.next)
        raise AssertionError("the list does not end")

    def _completed(self, mapping: Mapping, records: tuple[msgspec.Raw, ...], account: Account) -> Account:
        if mapping.endpoints.side_load is None:
            return account
        assert mapping.endpoints.absorb is not None
        for _ in range(16):
            request = mapping.endpoints.side_load(records, account)
            if request is None:
                return account
            account = mapping.endpoints.absorb(self.must(request), account)
        raise AssertionError("side loading does not end")


@pytest.fixture
def shop() -> Iterator[LookAlike]:
    """A fresh shop."""
    store = Store(None)
    yield LookAlike(store)
    store.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the vendors' own samples; tests that need it are skipped without it."""
    folder = Path(os.environ.get("LOCKSTITCH_SHARED") or ROOT.parent / "shared")
    if not (folder / "vendor-samples").is_dir():
        pytest.skip("the vendors' own samples are not here")
    return folder
