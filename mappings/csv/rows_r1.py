"""Map a row of an export to a canonical resource, by the layout of its connection."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from canonical import values
from canonical.order import Order
from canonical.parts import CustomField, CustomFieldType, Loss
from canonical.ticket import STATUS_CATEGORY
from canonical.totals import check_payment, check_taxes, check_totals
from mappings.csv.cells import DAMAGED, BadCell, check_text, money, read_cell
from mappings.csv.fields import CUSTOM, Path
from mappings.csv.layout import Column, ColumnType, Layout
from mappings.spec import Mapped, Remote, Unmappable

LONGEST_ID: Final = 255
FAULT: Final = re.compile(
    "has [0-9]+ cells, but the header has [0-9]+|contradicts row [0-9]+, which is about the same record"
)
"""The faults that Lockstitch writes. Any other fault comes from an edited row and is not repeated in an error."""
SAFE: Final = re.compile(r"[A-Za-z0-9._@+-]")
CUSTOM_TYPES: Final[dict[ColumnType, CustomFieldType]] = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "money": "string",
    "enum": "enum",
}

_MISSING: Final = re.compile(r"Object missing required field `(.*)`$")

Tree = dict[str | int, Any]


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row as stored: its number in the file (the header is row 1) and its cells by column, as text. `fault` is an
    error of the whole row; to repair a row, correct its cells and remove `fault`."""

    row: int
    cells: dict[str, str]
    fault: str | None = None


def remote_id_of(cells: dict[str, str], key: tuple[str, ...]) -> str | None:
    """Return the record's id: the cells of the key, joined with `~`. Each byte of an unsafe character becomes `=` and
    two hexadecimal digits, to keep different keys different. Return None for an id of more than 255 characters, or if a
    cell is empty or has undecodable bytes: two damaged keys may look the same."""
    parts = [cells.get(name, "").strip() for name in key]
    if not all(parts) or any(DAMAGED in part or len(part) > LONGEST_ID for part in parts):
        return None
    id = "~".join("".join(one if SAFE.match(one) else _escaped(one) for one in part) for part in parts)
    return id if len(id) <= LONGEST_ID else None


def read_row(payload: bytes, layout: Layout) -> Mapped[Any]:
    """Map a stored row.

    Raises Unmappable. The path names row and column; the reason never repeats the cell.
    """
    try:
        row = msgspec.json.decode(payload, type=Row)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # a person may have edited it
        raise Unmappable("$", 'is not {"row": number, "cells": {column: text}}') from error
    if row.fault is not None:
        fault = row.fault if FAULT.fullmatch(row.fault) else "has a fault"
        raise Unmappable(_at(row), f"{fault}; correct the cells and remove fault")
    for name in layout.names:
        if name not in row.cells:
            raise Unmappable(_at(row, name), "is missing")
    if len(row.cells) > len(layout.names):
        raise Unmappable(_at(row), f"has columns that are not read; allowed: {', '.join(layout.names)}")
    for name in layout.key:
        try:
            check_text(row.cells[name], layout)
        except BadCell as error:
            raise Unmappable(_at(row, name), str(error)) from error
    remote_id = remote_id_of(row.cells, layout.key)
    if remote_id is None:
        raise Unmappable(
            _at(row, *layout.key),
            "identifies the record: it must have 1 to 255 characters; one that is unsafe in a URL counts 3 per byte",
        )
    tree = _fill(row, layout)
    if not any(row.cells[column.name].strip() for column in layout.columns):
        raise Unmappable(_at(row), "is empty except for its key")
    _derive(tree, layout)
    try:
        data: Any = msgspec.convert(_built(tree), layout.model)
    except msgspec.ValidationError as error:
        raise _misfit(str(error), row, layout, tree) from error
    losses: tuple[Loss, ...] = ()
    if isinstance(data, Order):
        losses = (
            *check_totals(data.totals, data.line_items, data.tax_inclusive),
            *check_payment(data),
            *check_taxes(data.totals.tax, data.line_items, data.shipping_lines),
        )
    return Mapped(
        data=data,
        remote=Remote(id=remote_id, created_at=data.created_at, updated_at=data.updated_at),
        loss=losses,
    )


def _fill(row: Row, layout: Layout) -> Tree:
    """Return the values of all cells and constants as a tree. Set amounts last, because they need their currency."""
    tree: Tree = {}
    amounts: list[tuple[Column, Decimal]] = []
    for column in layout.columns:
        text = row.cells[column.name].strip()
        if not text:
            if column.required:
                raise Unmappable(_at(row, column.name), "is required but empty")
            continue
        try:
            value = read_cell(text, column, layout)
        except BadCell as error:
            raise Unmappable(_at(row, column.name), str(error)) from error
        path = column.field.path
        if path[0] == CUSTOM:
            tree.setdefault(CUSTOM, {})[len(tree.get(CUSTOM, {}))] = _custom(column, value, layout)
        elif column.type == "money":
            amounts.append((column, value))
        else:
            _put(tree, path, value)
            if column.field.has_raw:
                _put(tree, (*path[:-1], f"{path[-1]}_raw"), text, over=False)
    _constants(tree, row, layout, {column.field.path[:-1] for column, _ in amounts})
    for column, amount in amounts:
        path = column.field.path
        currency = _get(tree, (*path[:-1], "currency")) or tree.get("currency")
        if not isinstance(currency, str):
            raise Unmappable(_at(row, column.name), "is an amount without a currency: the currency cell is empty")
        try:
            _put(tree, path, money(amount, currency, finer=path[-1] == "unit_price"))
        except BadCell as error:
            raise Unmappable(_at(row, column.name), str(error)) from error
    return tree


def _constants(tree: Tree, row: Row, layout: Layout, pending: set[Path]) -> None:
    """Set the constants. A constant alone creates no part: an address without filled cells does not exist. A tag is no
    part."""
    for path, value in layout.constants:
        inside = path[:-1]
        is_item = isinstance(path[-1], int)
        if not inside or is_item or inside in pending or _get(tree, inside) is not None:
            if isinstance(value, str) and path[-1] != "currency" and _is_amount(path):
                value = _with_decimals(value, path, tree, row)
            _put(tree, path, value, over=False)


def _is_amount(path: Path) -> bool:
    return path[0] == "totals" or path[-1] in ("unit_price", "discount", "tax", "total", "price", "amount")


def _with_decimals(amount: str, path: Path, tree: Tree, row: Row) -> str:
    """Return a constant amount with the decimals of the record's currency, if any. Raises Unmappable for too many."""
    currency = tree.get("currency")
    if not isinstance(currency, str):
        return amount
    try:
        return money(Decimal(amount), currency, finer=path[-1] == "unit_price")
    except BadCell as error:
        raise Unmappable(_at(row), f"the constant {'.'.join(map(str, path))} {error}") from error


def _derive(tree: Tree, layout: Layout) -> None:
    """Compute the canonical fields that follow from others."""
    if layout.object == "customer":
        emails = list(tree.get("emails", {}).values())
        if emails and not any(one.get("is_primary") for one in emails):
            emails[0]["is_primary"] = True
        for phone in tree.get("phones", {}).values():
            if "e164" not in phone:
                phone["e164"] = values.phone(phone.get("raw", ""))
            if phone["e164"]:
                phone.setdefault("raw", phone["e164"])
        names = [tree[part] for part in ("first_name", "last_name") if tree.get(part)]
        if names:
            tree.setdefault("display_name", " ".join(names))
    elif layout.object == "ticket":
        tree["status_category"] = STATUS_CATEGORY[tree.get("status", "unknown")]
    elif "totals" in tree and {"total", "paid"} <= tree["totals"].keys() and "outstanding" not in tree["totals"]:
        totals = tree["totals"]
        left = Decimal(totals["total"]) - Decimal(totals["paid"])
        if tree.get("status") == "cancelled" or "cancelled_at" in tree or tree.get("payment_status") == "voided":
            left = min(left, Decimal(0))
        totals["outstanding"] = values.money(values.decimal_string(left), tree["currency"])


def _custom(column: Column, value: Any, layout: Layout) -> CustomField:
    if column.type == "date":
        value = value.astimezone(ZoneInfo(layout.zone)).date().isoformat()
    if isinstance(value, datetime):
        value = value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        value = values.decimal_string(value)
    return CustomField(key=str(column.field.path[1]), type=CUSTOM_TYPES[column.type], value=value, label=column.name)


def _put(tree: Tree, path: Path, value: Any, *, over: bool = True) -> None:
    *way, last = path
    for step in way:
        tree = tree.setdefault(step, {})
    if over:
        tree[last] = value
    else:
        tree.setdefault(last, value)


def _get(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _built(tree: Any) -> Any:
    """Convert integer keys to arrays, without gaps."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(isinstance(step, int) for step in tree):
        return [_built(tree[place]) for place in sorted(tree)]
    return {step: _built(part) for step, part in tree.items()}


def _misfit(message: str, row: Row, layout: Layout, tree: Any) -> Unmappable:
    """Return msgspec's error with the path of the first column that fills the failing field or a part of it, if any."""
    reason, _, path = message.partition(" - at `")
    place: list[str] = []
    for step in re.findall(r"[a-z_0-9]+", path):
        key = sorted(tree)[int(step)] if step.isdigit() else step  # `_built` closed the gaps in arrays
        place.append(str(key))
        tree = tree[key] if isinstance(tree, dict) else {}
    missing = _MISSING.match(reason)
    if missing is not None:
        place.append(missing[1])
        reason = "is empty, but required because other cells fill the same part of the record"
    at = [column.name for column in layout.columns if [*map(str, column.field.path[: len(place)])] == place]
    return Unmappable(_at(row, *at[:1]), reason)


def _at(row: Row, *names: str) -> str:
    cells = ",".join(msgspec.json.encode(name).decode() for name in names)
    return f"$.rows[{row.row}]" + (f"[{cells}]" if cells else "")


def _escaped(character: str) -> str:
    return "".join(f"={byte:02X}" for byte in character.encode(errors="replace"))
