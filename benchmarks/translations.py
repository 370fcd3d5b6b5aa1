"""Every translation of a mapping, as bytes: reads of records, bodies of webhooks, and the widest write of a new record,
with every field except those that exclude each other."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from benchmarks.records import Subject, account_of, subjects, webhooks
from mappings.coverage import enum_of, sample_of
from mappings.hubspot.wire_v3 import ContactProperties, ContactRecord, TicketProperties, TicketRecord
from mappings.registry import VENDORS, AnyMapping
from mappings.release import name_of
from mappings.spec import decode

IN_THE_BAG: Final[dict[type[Struct], type[Struct]]] = {ContactRecord: ContactProperties, TicketRecord: TicketProperties}
"""Structs that msgspec decodes in two steps: HubSpot's records have a bag of properties, which is converted to its
Struct."""


class Translation(NamedTuple):
    """Bytes, the type that decodes them, and `translate`, whose result is encoded."""

    title: str
    source: bytes
    takes: Any
    translate: Callable[[], Any]

    def decoding(self) -> Callable[[], Any]:
        """Return the work of msgspec alone."""
        decoder, source, inner = msgspec.json.Decoder(self.takes), self.source, IN_THE_BAG.get(self.takes)
        if inner is None:
            return partial(decoder.decode, source)
        return lambda: msgspec.convert(decoder.decode(source).properties, inner)


def reads() -> Iterator[Translation]:
    """Yield reads, from a vendor's record to ours."""
    for one in subjects():
        yield Translation(one.title, one.record, one.mapping.record, partial(_read, one))


def notices() -> Iterator[Translation]:
    """Yield reads of webhooks with a shape of their own."""
    for one in webhooks():
        assert one.shape is not None
        yield Translation(one.title, one.record, one.shape.record, partial(_read_shape, one, one.shape.record))


def writes() -> Iterator[Translation]:
    """Yield writes, from a caller's body to the vendor's."""
    for vendor in VENDORS.values():
        for mapping in vendor.mappings:
            if mapping.endpoints.create is not None:
                account = account_of(mapping)
                body = _widest(mapping, account)
                title, source = f"{name_of(mapping)}, {len(body)} fields", msgspec.json.encode(body)
                yield Translation(title, source, mapping.patch, partial(_write, source, mapping, account))


def _read(subject: Subject) -> Any:
    return subject.mapping.read(subject.record, subject.account).data


def _read_shape(subject: Subject, kind: type[Any]) -> Any:
    assert subject.shape is not None
    return subject.shape.to_canonical(decode(subject.record, kind), subject.account).data


def _write(source: bytes, mapping: AnyMapping, account: Any) -> Any:
    return mapping.to_vendor(decode(source, mapping.patch), None, account).body


def _widest(mapping: AnyMapping, account: Any) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field in fields(mapping.patch):
        for value in [word for word in enum_of(field) if word != "unknown"] or [sample_of(field)]:
            wider = {**body, field.encode_name: value}
            if _refusals(mapping, wider, account) <= _refusals(mapping, body, account):
                body = wider
                break
    return body


def _refusals(mapping: AnyMapping, body: dict[str, Any], account: Any) -> int:
    return len(mapping.to_vendor(msgspec.convert(body, mapping.patch), None, account).refused)
