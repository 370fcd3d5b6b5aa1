"""Compute what a revision sends when the values of its golden records are written back, field by field.

Golden records fix the results of reads. These drafts fix the results of writes, which also depend on tables and
spellings in modules without a revision in their name.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from mappings.checks.golden import account_of, cases, records
from mappings.checks.sent_back import members_of, patch_of
from mappings.registry import AnyMapping, AnyVendor
from mappings.spec import Draft, Unmappable

NOTHING: tuple[Any, ...] = (None, [], {}, "")


def drafts(vendor: AnyVendor, mapping: AnyMapping, root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the drafts of a create and an update with one value, by case and field (`customer-full/first_name`).

    A draft has its body, and the paths and kinds of its losses and refusals, without their sentences.

    Raises Unmappable for unreadable account facts.
    """
    account = account_of(vendor, root)
    inputs = dict(records(vendor, mapping, root))
    members = members_of(mapping)
    for case in cases(vendor, root):
        if (case.object, case.revision) != (mapping.object, mapping.revision):
            continue
        input_name = case.name.partition(".r")[0]
        for name, value in _data(case.expected).items():
            if name not in members or value in NOTHING:
                continue
            patch = patch_of(mapping, name, value)
            if patch is not None:
                both = [_draft(mapping, patch, record, account) for record in (None, inputs.get(input_name))]
                yield f"{input_name}/{name}", msgspec.json.encode(both, order="sorted")


def _data(expected: Raw) -> dict[str, Any]:
    """Return the resource of a case, the first of several."""
    mapped = msgspec.json.decode(expected)
    data: dict[str, Any] = (mapped[0] if isinstance(mapped, list) else mapped)["data"]
    return data


def _draft(mapping: AnyMapping, patch: Any, record: Raw | None, account: Any) -> Any:
    try:
        current = None if record is None else mapping.decode(record)
        # Unwrap `changes_only`: it would omit every value, because none changes.
        draft: Draft[Any] = inspect.unwrap(mapping.to_vendor)(patch, current, account)
    except Unmappable as refusal:
        return refusal.path
    return {
        "body": draft.body,
        "loss": sorted([one.path, one.kind] for one in draft.loss),
        "refused": sorted([one.pointer, one.kind] for one in draft.refused),
    }
