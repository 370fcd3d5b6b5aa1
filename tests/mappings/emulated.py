"""A vendor's emulator without a network, asked as a connection asks it: by a mapping's own requests."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, Self, TypeVar
from urllib.parse import unquote

import msgspec

from canonical.parts import CustomFieldSetting, ObjectName
from emulators.http import Call
from emulators.state import State
from emulators.store import Store
from emulators.vendor import Emulator
from mappings.endpoints import ListQuery, WriteResult
from mappings.http import VendorRefusal, VendorReply, VendorRequest
from mappings.manifest import Vendor
from mappings.spec import Mapped, VendorMapping
from tests.required import required

A = TypeVar("A", bound=msgspec.Struct)
OfVendor = VendorMapping[Any, Any, Any, Any, A]

# More than the pages of any list, or of any related records, in a test.
MOST_CALLS = 100


class EmulatedAccount(Generic[A]):
    """One account at the vendor. Its clock begins at `now`, in Unix seconds, and goes on by `step` with each call; a
    test may move it. A subclass sets `account`."""

    account: A

    def __init__(
        self, vendor: Vendor[A], emulator: Emulator, headers: Mapping[str, str], *, now: float, step: float = 0.0
    ) -> None:
        """`headers` go with every request: what authorises, and what a client sends by itself."""
        self.vendor = vendor
        self.emulator = emulator
        self.now = now
        self.store = Store(None)
        self.store.clock = lambda: self.now
        self.state = State(self.store, emulator.name)
        self.calls: list[Call] = []
        self._headers = headers
        self._step = step

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def place(self, object: str, /, **record: Any) -> dict[str, Any]:
        """A record past all of the vendor's rules."""
        return self.emulator.put_record(object, record, self.state)

    def learnt(self, custom_fields: Mapping[ObjectName, tuple[CustomFieldSetting, ...]]) -> A:
        """The account's facts as they are now, with what is configured."""
        replies = [self.send(request) for request in self.vendor.account_requests]
        read = tuple(None if self.vendor.refusal(one) is not None else one for one in replies)
        return self.vendor.build_account(read, custom_fields)

    def send(self, request: VendorRequest) -> VendorReply:
        """What the vendor answers to a request as it would go out."""
        own = {name.lower(): value for name, value in (*self.vendor.headers, *request.headers)}
        call = Call(
            method=request.method,
            path=unquote(request.path),
            query=request.query,
            headers={"content-type": request.content_type, **self._headers, **own},
            body=request.body or b"",
        )
        self.calls.append(call)
        self.now += self._step
        with self.store.transaction():
            answer = self.emulator.answer(call, self.state, self.now)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return VendorReply(status=answer.status, headers=headers, body=answer.body)

    def refusal(self, request: VendorRequest) -> VendorRefusal | None:
        """What the vendor's folder makes of the answer: None for a success."""
        return self.vendor.refusal(self.send(request))

    def must(self, request: VendorRequest) -> VendorReply:
        """The answer to a request that has to be taken."""
        answer = self.send(request)
        assert self.vendor.refusal(answer) is None, answer.body
        return answer

    def create(self, mapping: OfVendor[A], patch: Any, marker: str, parent: str | None = None) -> VendorRequest:
        """The request that creates, with its parts in place; nothing of the patch is refused."""
        endpoints = mapping.endpoints
        draft = mapping.to_vendor(patch, None, self.account)
        assert draft.refused == ()
        body = draft.body
        parts = endpoints.parts(body, marker, self.account) if endpoints.parts is not None else None
        if parts is not None:
            body = required(endpoints.with_parts)(body, self.must(parts))
        return required(endpoints.create)(body, marker, parent, self.account)

    def made(self, mapping: OfVendor[A], patch: Any, marker: str = "op_1") -> Mapped[Any]:
        """What a create made. Where its answer shows the record, reading it shows the same."""
        result = required(mapping.endpoints.write_result)(self.must(self.create(mapping, patch, marker)), "create")
        assert result.created
        return self._shown(mapping, result)

    def changed(self, mapping: OfVendor[A], remote_id: str, patch: Any, marker: str = "op_9") -> Mapped[Any]:
        """What a change made, as a flow makes it: read, draft, send."""
        raw, account = self.raw(mapping, remote_id)
        draft = mapping.to_vendor(patch, mapping.decode(raw), account)
        assert draft.refused == ()
        answer = self.must(required(mapping.endpoints.update)(remote_id, draft.body, marker, account))
        result = required(mapping.endpoints.write_result)(answer, "update")
        assert result.remote_id in (None, remote_id)
        return self._shown(mapping, result, remote_id)

    def read(self, mapping: OfVendor[A], remote_id: str) -> Mapped[Any]:
        """A record unchanged, with its related records."""
        return mapping.read(*self.raw(mapping, remote_id))

    def raw(self, mapping: OfVendor[A], remote_id: str) -> tuple[msgspec.Raw, A]:
        """Its bytes, and the account with its related records."""
        answer = self.must(required(mapping.endpoints.read)(remote_id, self.account))
        raw, account = mapping.endpoints.record(answer, self.account)
        assert raw is not None
        return raw, self._completed(mapping, (raw,), account)

    def listed(self, mapping: OfVendor[A], query: ListQuery) -> list[Mapped[Any]]:
        """All pages."""
        return [one for page in self.pages(mapping, query) for one in page]

    def listed_as_read(self, mapping: OfVendor[A], query: ListQuery) -> list[str]:
        """The ids of all pages. Each record shows what a read by its id shows."""
        listed = self.listed(mapping, query)
        for one in listed:
            assert one == self.read(mapping, one.remote.id)
        return [one.remote.id for one in listed]

    def pages(self, mapping: OfVendor[A], query: ListQuery) -> Iterator[list[Mapped[Any]]]:
        """One page after the other, each asked for when it is wanted."""
        for _ in range(MOST_CALLS):
            page = required(mapping.endpoints.page)(
                self.must(required(mapping.endpoints.list)(query, self.account)), query, self.account
            )
            assert len(page.records) <= query.limit
            account = self._completed(mapping, page.records, page.account)
            yield [mapping.read(raw, account) for raw in page.records]
            if page.next is None:
                return
            query = msgspec.structs.replace(query, after=page.next)
        raise AssertionError("the list does not end")

    def _shown(self, mapping: OfVendor[A], result: WriteResult, remote_id: str | None = None) -> Mapped[Any]:
        returned = None if result.record is None else mapping.read(result.record, self.account)
        at = required(remote_id or result.remote_id or (None if returned is None else returned.remote.id))
        read = self.read(mapping, at)
        assert returned in (None, read)
        return read

    def _completed(self, mapping: OfVendor[A], records: tuple[msgspec.Raw, ...], account: A) -> A:
        if mapping.endpoints.side_load is None:
            return account
        for _ in range(MOST_CALLS):
            request = mapping.endpoints.side_load(records, account)
            if request is None:
                return account
            account = required(mapping.endpoints.absorb)(self.must(request), account)
        raise AssertionError("side loading does not end")
