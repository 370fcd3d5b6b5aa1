"""Bytes of a vendor's record to bytes of ours, against decoding and encoding the same Structs and nothing between.

Twice: as it is, and with the normalisers of `canonical.values` replaced by identity, so that what is left is the
mapping itself. Records repeat, so normalisers that remember answer from memory, as they do for the few countries,
currencies and prices of real accounts; what each costs with and without its memory is told field by field.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import msgspec

from benchmarks import figures
from benchmarks.records import Subject, subjects
from canonical import values
from mappings.salesforce import order_r1 as salesforce_order
from mappings.shopify import order_parts_r1

ROUNDS: Final = 9
SECONDS: Final = 0.15
TARGET: Final = 2.5
NORMALISERS: Final = (
    "email",
    "phone",
    "country",
    "language",
    "timezone",
    "money",
    "unit_price",
    "quantity",
    "utc",
    "safe_html",
)
Translate = Callable[[], bytes]


class Use(NamedTuple):
    """A normaliser and what a field gives it."""

    fields: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...]


USES: Final = (
    Use("emails[].address", values.email, ("Livia.Keller@Faden.example",)),
    Use("phones[].e164", values.phone, ("044 555 01 99", "CH")),
    Use("addresses[].country_code", values.country, ("Switzerland",)),
    Use("language", values.language, ("de-ch",)),
    Use("description_html, body_html", values.safe_html, ("<div>Der Obertransport klemmt.<br>Seit gestern.</div>",)),
    Use("timezone", values.timezone, ("Europe/Zurich",)),
    Use("totals.*, line_items[].total", order_parts_r1.money, ("124.2", "EUR")),
    Use("line_items[].unit_price", order_parts_r1.unit_price, ("20.0", "EUR")),
)


def measure() -> None:
    """Print the ratios, then the normalisers."""
    print(f"Translate: bytes to canonical bytes, µs of CPU, against msgspec alone ({ROUNDS} rounds)")
    encoder = msgspec.json.Encoder()
    for subject in subjects():
        _compare(subject, encoder)
    print("  normaliser of a field, µs a call                  from memory   computed")
    for use in USES:
        computed = getattr(use.call, "__wrapped__", None)
        remembered = _microseconds(partial(use.call, *use.arguments))
        told = f"{_microseconds(partial(computed, *use.arguments)):10.2f}" if computed else "         -"
        print(f"    {use.fields:40} {use.call.__name__:12} {remembered:6.2f} {told}")
    print()


def _compare(subject: Subject, encoder: msgspec.json.Encoder) -> None:
    decoder = msgspec.json.Decoder(subject.mapping.record)
    known = subject.mapping.read(subject.record, subject.account).data

    def floor() -> bytes:
        decoder.decode(subject.record)
        return encoder.encode(known)

    def translate() -> bytes:
        return encoder.encode(subject.mapping.read(subject.record, subject.account).data)

    assert translate() == floor()
    bare, whole, unnormalised = [], [], []
    for _ in range(ROUNDS):
        bare.append(_microseconds(floor))
        whole.append(_microseconds(translate))
        with _identity():
            translate()  # once, so that no memory is filled while the clock runs
            unnormalised.append(_microseconds(translate))
    print(f"  {subject.title}: {len(subject.record)} bytes in, {len(floor())} bytes out")
    figures.raw("msgspec decode + encode (floor)", bare, "µs")
    figures.raw("translate, normalisers as identity", unnormalised, "µs")
    figures.raw("translate", whole, "µs")
    figures.ratio("normalisers as identity / floor", unnormalised, bare, "at most", TARGET)
    figures.ratio("translate / floor", whole, bare, "at most", TARGET)


@contextmanager
def _identity() -> Iterator[None]:
    """Every normaliser gives back its first argument; what remembered their results forgets."""
    with ExitStack() as stack:
        _forget()
        for name in NORMALISERS:
            stack.enter_context(patch.object(values, name, _unchanged))
        yield
    _forget()


def _forget() -> None:
    for parts in (order_parts_r1, salesforce_order):
        parts.money.cache_clear()
        parts.unit_price.cache_clear()
    salesforce_order.quantity.cache_clear()


def _unchanged(value: Any, *_: Any) -> Any:
    return value


def _microseconds(do: Callable[[], Any]) -> float:
    """Of this process's CPU for each call, over a fixed time."""
    for _ in range(20):
        do()
    began, done = time.process_time(), 0
    while (spent := time.process_time() - began) < SECONDS:
        for _ in range(50):
            do()
        done += 50
    return spent / done * 1e6
