"""Generate the page of every vendor's coverage: `python -m mappings.coverage_table --write|--check`.

The page is computed from the mappings.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from canonical.parts import ObjectName
from mappings.coverage import FieldCoverage, coverage, offered_filters
from mappings.manifest import Vendor
from mappings.registry import VENDORS, active
from mappings.spec import VendorMapping

PAGE: Final = Path(__file__).parents[1] / "docs" / "coverage.md"
HEAD: Final = """\
# What each vendor reads and writes

Generated from the mappings by `make generated`. `make check` fails if this page is out of date.

**R** a read can supply the field, **C** it can be written on a create, **U** it can be changed afterwards. If a vendor
does not keep a field, a write drops it and reports that in `meta.loss`, or is refused, as its `?loss=` says; a read
names it in `meta.unsupported`. `GET /v1/contracts/{object}` shows what one connection supports.
"""
Column = tuple[Vendor[Any], VendorMapping[Any, Any, Any, Any, Any]]


def render() -> str:
    """Return the whole page, in Markdown."""
    sections = [HEAD]
    for object_name in get_args(ObjectName):
        columns = [
            (vendor, mapping) for vendor in VENDORS.values() if (mapping := active(vendor, object_name)) is not None
        ]
        if columns:
            sections.append("\n".join(_section(object_name, columns)))
    return "\n".join(sections)


def _section(object_name: str, columns: Sequence[Column]) -> Iterator[str]:
    yield f"## {object_name.capitalize()}s\n"
    yield from _table(["", *(vendor.title for vendor, _ in columns)], _verbs(columns))
    rows = [coverage(mapping) for _, mapping in columns]
    yield from _table(
        ["field", *(vendor.title for vendor, _ in columns)],
        [[f"`{cells[0].field}`", *(_letters(cell) for cell in cells)] for cells in zip(*rows, strict=True)],
    )
    chosen = [cells for cells in zip(*rows, strict=True) if any(cell.values for cell in cells)]
    if chosen:
        yield "Values that can be written:\n"
        yield from _table(
            ["field", *(vendor.title for vendor, _ in columns)],
            [[f"`{cells[0].field}`", *(_words(cell.values) for cell in cells)] for cells in chosen],
        )


def _verbs(columns: Sequence[Column]) -> list[list[str]]:
    """Return the rows about the object as a whole."""
    endpoints = [mapping.endpoints for _, mapping in columns]
    return [
        ["mapping", *(f"`{mapping.name}` r{mapping.revision}, API {mapping.vendor_api}" for _, mapping in columns)],
        ["verbs", *(_words(_reads(mapping) + mapping.endpoints.actions()) for _, mapping in columns)],
        ["upsert on", *(_words(sorted({*one.upsert, *one.find})) for one in endpoints)],
        ["filters", *(_words(offered_filters(mapping)) for _, mapping in columns)],
        ["sorts", *(_words(sorted(one.sorts)) for one in endpoints)],
        ["`updated_since`", *("yes" if one.list is not None and one.updated_since else "-" for one in endpoints)],
    ]


def _reads(mapping: VendorMapping[Any, Any, Any, Any, Any]) -> tuple[str, ...]:
    endpoints = mapping.endpoints
    return ("list",) * (endpoints.list is not None) + ("read",) * (endpoints.read is not None)


def _letters(cell: FieldCoverage) -> str:
    covered = {"R": cell.reads, "C": cell.creates, "U": cell.updates}
    return " ".join(letter for letter, can in covered.items() if can) or "-"


def _words(values: Sequence[str]) -> str:
    return ", ".join(f"`{value}`" for value in values) or "-"


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def main(arguments: list[str]) -> int:
    """Write the page with `--write`. With `--check`, return 1 if it is stale."""
    if arguments not in (["--write"], ["--check"]):
        sys.stderr.write("usage: python -m mappings.coverage_table --check|--write\n")
        return 2
    page = render()
    if arguments == ["--write"]:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == page:
        return 0
    sys.stderr.write("docs/coverage.md is out of date: run python -m mappings.coverage_table --write\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
