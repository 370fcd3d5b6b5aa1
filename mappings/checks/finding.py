"""Check that `record` and `page` find the same records in golden answers as `unwrap`. The first two read the vendor's
answers at run time; `unwrap` reads payloads that people supply."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw

from mappings.checks.golden import account_of, cases, records, unwrapped
from mappings.checks.result import Result
from mappings.endpoints import ListQuery
from mappings.http import VendorReply
from mappings.registry import AnyMapping, AnyVendor
from mappings.spec import Unmappable

PARENT: Final = "1"
"""Remote id of the ticket whose comments are listed; no answer depends on it."""
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def finding(vendor: AnyVendor, root: Path, *, lists: bool = False) -> Result:
    """Check that every object has a golden answer in which `record` finds the record, and that `page` finds all records
    of an answer with several. With `lists`, every object that can be listed needs a golden list."""
    tried, failures, account = 0, list[str](), account_of(vendor, root)
    for mapping in {one.object: one for one in sorted(vendor.mappings, key=lambda one: one.revision)}.values():
        answers = dict(_answers(vendor, mapping, root))
        tried += len(answers)
        paged = {case: _page_finds(mapping, sent, wanted, account) for case, (sent, wanted) in answers.items()}
        failures += [
            f"{case}: page does not find the {len(wanted)} records that unwrap finds"
            for case, (_, wanted) in answers.items()
            if len(wanted) > 1 and mapping.endpoints.page is not None and not paged[case]
        ]
        missing = f"{mapping.name}: there is no golden answer in which"
        if lists and mapping.endpoints.page is not None and not any(paged.values()):
            failures.append(f"{missing} page finds what unwrap finds")
        if mapping.endpoints.read is None:
            continue
        if not any(_record_finds(mapping, sent, wanted, account) for sent, wanted in answers.values()):
            failures.append(f"{missing} record finds what unwrap finds")
    return Result(cases=tried, failures=tuple(failures), nothing="there are no golden answers")


def _answers(vendor: AnyVendor, mapping: AnyMapping, root: Path) -> Iterator[tuple[str, tuple[bytes, tuple[Any, ...]]]]:
    """Yield golden payloads in the API's own shape, with the records that `unwrap` finds in them."""
    own = {case for case, _ in records(vendor, mapping, root)}
    for case in cases(vendor, root):
        if case.object == mapping.object and case.name.partition(".r")[0] in own:
            yield case.name, (case.sent, _decoded(unwrapped(vendor, mapping, case.sent)))


def _record_finds(mapping: AnyMapping, sent: bytes, wanted: tuple[Any, ...], account: Any) -> bool:
    try:
        raw, _ = mapping.endpoints.record(_reply(sent), account)
        return raw is not None and _decoded((raw,)) == wanted
    except (Unmappable, msgspec.MsgspecError):
        return False


def _page_finds(mapping: AnyMapping, sent: bytes, wanted: tuple[Any, ...], account: Any) -> bool:
    """Return whether `page` finds all records for any kind of list query: vendors answer each kind differently."""
    endpoints = mapping.endpoints
    queries = [ListQuery(limit=endpoints.max_limit, parent=PARENT)]
    queries += [ListQuery(limit=endpoints.max_limit, filters={name: "x"}) for name in sorted(endpoints.filters)]
    if endpoints.updated_since:
        queries.append(ListQuery(limit=endpoints.max_limit, updated_since=LONG_AGO))
    return endpoints.page is not None and any(_holds(mapping, sent, wanted, query, account) for query in queries)


def _holds(mapping: AnyMapping, sent: bytes, wanted: tuple[Any, ...], query: ListQuery, account: Any) -> bool:
    assert mapping.endpoints.page is not None  # noqa: S101 - the caller checks it
    try:
        records = _decoded(mapping.endpoints.page(_reply(sent), query, account).records)
    except (Unmappable, msgspec.MsgspecError):
        return False
    return all(one in records for one in wanted)


def _reply(sent: bytes) -> VendorReply:
    return VendorReply(status=200, headers={}, body=sent)


def _decoded(records: tuple[Raw, ...]) -> tuple[Any, ...]:
    return tuple(msgspec.json.decode(one) for one in records)
