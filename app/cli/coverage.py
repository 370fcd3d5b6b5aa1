"""`lockstitch coverage`: show which fields each vendor's mapping reads and writes."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, get_args

from cyclopts import Parameter
from msgspec import Struct

from app.cli.exits import usage
from app.cli.printing import Json, say, write_json
from app.cli.tables import BOLD, print_table, screen
from app.http.paging import whole_list
from canonical.parts import MappingName, ObjectName
from mappings.coverage import FieldCoverage, coverage, unsupported
from mappings.registry import VENDORS, AnyMapping, active

NOWHERE: Final = "·"
GAP: Final = 2  # columns between two columns of a table
WIDEST: Final = 10_000
OBJECT = Parameter(name="OBJECT", help="customer, order, ticket or comment. Omit it for all.")


class MappingColumn(Struct, frozen=True, kw_only=True):
    """One vendor's mapping of one object."""

    vendor: str
    object: ObjectName
    mapping: MappingName
    actions: tuple[str, ...]
    unsupported: tuple[str, ...]
    fields: tuple[FieldCoverage, ...]


def show_coverage(
    object_name: Annotated[ObjectName | None, OBJECT] = None,
    /,
    *,
    vendor: Annotated[tuple[str, ...], Parameter(help="Only this vendor. Repeat it for several.")] = (),
    json: Annotated[Json, Parameter(help="Print JSON, with the enum values that can be written.")] = False,
) -> None:
    """Show which fields are read (R), written on a create (C) and updated (U), computed from the mappings."""
    for name in vendor:
        if name not in VENDORS:
            usage(f"Unknown vendor {name}. Vendors: {', '.join(VENDORS)}.")
    objects = get_args(ObjectName) if object_name is None else (object_name,)
    columns = [column for one in objects for column in _columns(one, vendor or tuple(VENDORS))]
    if json:
        write_json(whole_list(columns))
        return
    for one in objects:
        of_object = [column for column in columns if column.object == one]
        if of_object:
            say(f"{one}s", style=BOLD)
            _write_tables(of_object)
    say(f"R read, C written on a create, U changed by an update, {NOWHERE} not mapped")


def _columns(object_name: ObjectName, vendors: Sequence[str]) -> list[MappingColumn]:
    mappings = [active(VENDORS[name], object_name) for name in vendors]
    return [_column(mapping) for mapping in mappings if mapping is not None]


def _column(mapping: AnyMapping) -> MappingColumn:
    return MappingColumn(
        vendor=mapping.vendor,
        object=mapping.object,
        mapping=MappingName(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
        actions=mapping.endpoints.actions(),
        unsupported=unsupported(mapping),
        fields=coverage(mapping),
    )


def _write_tables(columns: Sequence[MappingColumn]) -> None:
    """Print as many vendors side by side as the screen is wide, and the rest below."""
    names = [field.field for field in columns[0].fields]
    left = max(len(name) for name in names) + GAP
    for group in _packed(columns, (screen() or WIDEST) - left):
        rows = [("revision", *(f"r{column.mapping.revision}" for column in group))]
        rows += [(name, *(_letters(column.fields[place]) for column in group)) for place, name in enumerate(names)]
        print_table(("field", *(VENDORS[column.vendor].title for column in group)), rows, lambda row: row)
        say("")


def _packed(columns: Sequence[MappingColumn], width: int) -> list[list[MappingColumn]]:
    """Split the columns into groups no wider than `width`, with at least one column each."""
    groups: list[list[MappingColumn]] = []
    free = 0
    for column in columns:
        needed = max(len(VENDORS[column.vendor].title), len("RCU")) + GAP
        if not groups or needed > free:
            groups.append([])
            free = width
        groups[-1].append(column)
        free -= needed
    return groups


def _letters(cell: FieldCoverage) -> str:
    abilities: dict[str, Any] = {"R": cell.reads, "C": cell.creates, "U": cell.updates}
    return "".join(letter if can else " " for letter, can in abilities.items()) if any(abilities.values()) else NOWHERE
