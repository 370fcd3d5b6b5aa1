"""Measure every mapping from bytes to bytes, against decoding and encoding the same Structs with nothing between.

Each mapping is measured twice: as it is, and with the normalisers of `canonical.values` replaced by identity, which
leaves the mapping itself. The second figure has a target, for records in the API's own shape. Other ratios are only
printed: webhook bodies of an older shape are converted first, and a write validates what the caller sends. The
contenders take turns within each round, in short slices. The best batch of calls of each counts, because other load on
the machine only adds time, and more to an interpreter than to msgspec.

Records repeat, so caching normalisers answer from memory, as they do for the few countries, currencies and prices of
real accounts. What each costs with and without its cache is printed field by field.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from statistics import median
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import msgspec

from benchmarks.translations import Translation, notices, reads, writes
from canonical import values

ROUNDS: Final = 9
SLICES: Final = 4
SLICE_SECONDS: Final = 0.012
BATCH_SECONDS: Final = 0.0003
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


class Use(NamedTuple):
    """A normaliser and the arguments that a field passes to it."""

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
    Use("totals.*, line_items[].total", values.money, ("124.2", "EUR")),
    Use("line_items[].unit_price", values.unit_price, ("20.0", "EUR")),
)


def measure() -> None:
    """Print the ratios, then the normalisers."""
    print(f"Translate: µs of CPU a record, and how many times msgspec's own ({ROUNDS} rounds, medians)")
    print("  mapping                               bytes in, out   msgspec  identity  whole   x identity  x whole")
    encoder = msgspec.json.Encoder()
    missed = list(_compare("read", reads(), encoder, TARGET))
    print(f"  target: identity at most {TARGET:g} x; missed by {', '.join(missed) or 'none'}")
    for how, others in (("read, as webhooks send it", notices()), ("written", writes())):
        list(_compare(how, others, encoder, inf))
    print("  normaliser of a field, µs a call                  from memory   computed")
    for use in USES:
        computed = getattr(use.call, "__wrapped__", None)
        remembered = _microseconds(partial(use.call, *use.arguments))
        uncached = f"{_microseconds(partial(computed, *use.arguments)):10.2f}" if computed else "         -"
        print(f"    {use.fields:40} {use.call.__name__:12} {remembered:6.2f} {uncached}")
    print()


def _compare(how: str, subjects: Iterable[Translation], encoder: msgspec.json.Encoder, target: float) -> Iterator[str]:
    """Print a line for each. Yield the titles of those that miss the target."""
    print(f"  {how}:")
    for subject in subjects:
        bare, plain, whole = _rounds(subject, encoder)
        ratios = [one / other for one, other in zip(plain, bare, strict=True)]
        entire = median(one / other for one, other in zip(whole, bare, strict=True))
        verdict = "" if target == inf else "MISSED" if median(ratios) > target else "kept"
        read, written = len(subject.source), len(encoder.encode(subject.translate()))
        print(
            f"    {subject.title:36} {read:6} {written:6} {median(bare):8.1f} {median(plain):8.1f} {median(whole):8.1f}"
            f"   {median(ratios):8.2f} {entire:8.2f}   {verdict:6}"
            f" rounds: {' '.join(f'{one:.2f}' for one in ratios)}"
        )
        if median(ratios) > target:
            yield subject.title


def _rounds(subject: Translation, encoder: msgspec.json.Encoder) -> tuple[list[float], list[float], list[float]]:
    """Return the times of each round: decoding and encoding alone, with normalisers as identity, as it is."""
    decode, known = subject.decoding(), subject.translate()

    def floor() -> bytes:
        decode()
        return encoder.encode(known)

    def translate() -> bytes:
        return encoder.encode(subject.translate())

    assert translate() == floor()
    bare: list[float] = []
    plain: list[float] = []
    whole: list[float] = []
    for _ in range(ROUNDS):
        best = [inf, inf, inf]
        for _ in range(SLICES):
            best[0] = min(best[0], _microseconds(floor))
            best[2] = min(best[2], _microseconds(translate))
            with _identity():
                best[1] = min(best[1], _microseconds(translate))
        for samples, spent in zip((bare, plain, whole), best, strict=True):
            samples.append(spent)
    return bare, plain, whole


@contextmanager
def _identity() -> Iterator[None]:
    """Replace every normaliser by one that returns its first argument, and clear the caches."""
    with ExitStack() as stack:
        _forget()
        for name in NORMALISERS:
            stack.enter_context(patch.object(values, name, _unchanged))
        yield
    _forget()


def _forget() -> None:
    for name, module in sys.modules.items():
        if name.startswith("mappings."):
            for member in vars(module).values():
                if hasattr(member, "cache_clear"):
                    member.cache_clear()


def _unchanged(value: Any, *_: Any) -> Any:
    return value


def _microseconds(do: Callable[[], Any]) -> float:
    """Return the CPU of this process for each call, in the best of many short batches. Caches are filled before."""
    for _ in range(20):
        do()
    began = time.process_time()
    do()
    calls = max(5, int(BATCH_SECONDS / max(time.process_time() - began, 1e-6)))
    best, until = inf, began + SLICE_SECONDS
    while (began := time.process_time()) < until:
        for _ in range(calls):
            do()
        best = min(best, time.process_time() - began)
    return best / calls * 1e6
