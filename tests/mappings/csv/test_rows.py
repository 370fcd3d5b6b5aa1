"""Rows of exports: what they mean by their layout, and why they are refused."""

import io
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.customer import Customer
from canonical.order import Order
from canonical.ticket import Ticket
from mappings.csv.export import count_rows, read_rows
from mappings.csv.layout import LayoutError
from mappings.csv.rows_r1 import read_row
from mappings.spec import Unmappable
from tests.required import required

from .layouts import CUSTOMERS, GOOD, ORDERS, PLAIN, layout, read


def test_a_customer_with_every_type_of_column() -> None:
    mapped = read(GOOD, layout(CUSTOMERS))
    data: Customer = mapped.data
    assert mapped.remote.id == "4711"
    assert [(one.address, one.is_primary) for one in data.emails] == [("ann@example.com", True)]
    assert (data.phones[0].e164, data.phones[0].raw) == ("+441174960123", "+44 117 496 0123")
    assert (data.addresses[0].country_code, data.addresses[0].country_raw) == ("GB", None)
    assert (data.status, data.status_raw, data.kind) == ("active", "a", "person")
    assert required(data.created_at).isoformat() == "2026-06-30T22:00:00+00:00"
    assert data.order_stats is not None
    assert (data.order_stats.count, data.order_stats.total_spent) == (3, "1119.70")
    assert (data.custom_fields[0].key, data.custom_fields[0].value) == ("vip", True)
    assert data.display_name == "Lee"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "America/Lima"])
def test_a_custom_date_is_the_day_in_the_cell(zone: str) -> None:
    column = {"column": "Day", "field": "custom_fields.day", "type": "date"}
    of = layout(CUSTOMERS, columns=[column], constants={}, timezone=zone)
    assert read({"No": "1", "Day": "01.05.2026"}, of).data.custom_fields[0].value == "2026-05-01"


def test_a_date_is_midnight_in_the_zone_of_the_layout_whatever_its_offset() -> None:
    of = layout(CUSTOMERS, date_format=None)
    for cell in ("2026-07-01", "2026-07-01T00:00:00Z", "2026-07-01 00:00:00.000"):
        assert required(read({**GOOD, "Since": cell}, of).data.created_at).isoformat() == "2026-06-30T22:00:00+00:00"
    with pytest.raises(Unmappable, match="has a time of day"):
        read({**GOOD, "Since": "2026-07-01 23:30:00"}, of)


def test_a_constant_amount_is_never_rounded() -> None:
    constants = {**ORDERS["constants"], "totals.fees": "0.505"}
    cells = {"Branch": "A", "Order": "7", "Cur": "EUR", "Total": "10", "Paid": "", "Buyer": ""}
    with pytest.raises(Unmappable, match=r"the constant totals\.fees has more decimals than EUR allows: 2"):
        read(cells, layout(ORDERS, constants=constants))


def test_the_end_of_a_file_from_dos_is_no_row() -> None:
    of = layout(CUSTOMERS, constants={}, columns=[{"column": "Name", "field": "last_name"}])
    file = io.BytesIO(b"No;Name\r\n1;Lee\r\n\x1a")
    assert (count_rows(file, of), [one.row.cells["Name"] for one in read_rows(file, of)]) == (1, ["Lee"])


def test_a_constant_tag_needs_no_tag_in_the_export() -> None:
    data: Customer = read(GOOD, layout(CUSTOMERS, constants={**CUSTOMERS["constants"], "tags[0]": "legacy"})).data
    assert data.tags == ("legacy",)


def test_what_no_cell_says_is_not_there() -> None:
    empty = dict.fromkeys(GOOD, "") | {"No": "1", "Name": "Lee"}
    data: Customer = read(empty, layout(CUSTOMERS)).data
    assert (data.emails, data.phones, data.addresses, data.order_stats) == ((), (), (), None)
    assert data.status == "unknown"


def test_a_row_with_only_a_key_is_refused() -> None:
    empty = dict.fromkeys(GOOD, " ") | {"No": "4711"}
    optional = [one | {"required": False} for one in CUSTOMERS["columns"]]

    with pytest.raises(Unmappable) as refusal:
        read(empty, layout(CUSTOMERS | {"columns": optional}))

    assert (refusal.value.path, "is empty except for its key" in refusal.value.reason) == ("$.rows[17]", True)


def test_an_order_and_its_sums() -> None:
    cells = {"Branch": "N/1", "Order": "A 7", "Cur": "kwd", "Total": "1,040.800", "Paid": "40.5", "Buyer": ""}
    mapped = read(cells, layout(ORDERS))
    data: Order = mapped.data
    assert mapped.remote.id == "N=2F1~A=207"
    assert (data.currency, data.totals.total, data.totals.paid) == ("KWD", "1040.800", "40.500")
    assert (data.totals.outstanding, data.totals.tax) == ("1000.300", "0.000")
    assert mapped.loss == ()


@pytest.mark.parametrize(
    ("fixed", "paid", "outstanding", "wrong"),
    [
        ({"status": "cancelled"}, "0", "0.000", []),
        ({"payment_status": "voided"}, "0", "0.000", []),
        ({"payment_status": "paid"}, "40.5", "1000.300", ["/totals/paid"]),
        ({"payment_status": "refunded"}, "1040.8", "0.000", ["/totals/refunded"]),
    ],
)
def test_the_state_of_an_order_fits_its_sums(
    fixed: dict[str, str], paid: str, outstanding: str, wrong: list[str]
) -> None:
    cells = {"Branch": "N/1", "Order": "A 7", "Cur": "kwd", "Total": "1,040.800", "Paid": paid, "Buyer": ""}
    mapped = read(cells, layout(ORDERS | {"constants": ORDERS["constants"] | fixed}))

    assert mapped.data.totals.outstanding == outstanding
    assert [one.path for one in mapped.loss] == wrong


def test_a_ticket() -> None:
    setting = {
        "object": "tickets",
        "key": "Id",
        "columns": [
            {"column": "Subject", "field": "subject"},
            {"column": "State", "field": "status", "type": "enum", "values": {"erledigt": "resolved"}},
            {"column": "Due", "field": "due_at", "type": "datetime"},
        ],
    }
    cells = {"Id": "5", "Subject": "Mug", "State": "Erledigt", "Due": "2026-05-01 09:30"}
    data: Ticket = read(cells, layout(setting)).data
    assert (data.status, data.status_category) == ("resolved", "done")
    assert required(data.due_at).isoformat() == "2026-05-01T09:30:00+00:00"


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("No", " ", "identifies the record"),
        ("Name", "", "is required but empty"),
        ("E-mail", "ann at example", "is not an e-mail address"),
        ("Land", "Atlantis", "is not a country"),
        ("State", "Z", "is not one of the configured values: a, x"),
        ("Since", "31.02.2026", "is not a date as %d.%m.%Y"),
        ("Orders", "3,5", "is not a whole number"),
        ("Orders", "three", "is not a number"),
        ("Orders", "", "required because other cells fill the same part"),
        ("Spent", "1,119.70", "is not a number"),
        ("Spent", "1,005", "has more decimals than EUR"),
        ("VIP", "perhaps", "is not one of true"),
        ("Ort", "Br\ufffdstol", "holds bytes that are not utf-8"),
        ("No", "47\ufffd1", "holds bytes that are not utf-8"),
        ("No", "47\x001", "holds a NUL character"),
    ],
)
def test_a_bad_cell_is_refused_with_its_row_and_column(column: str, cell: str, why: str) -> None:
    with pytest.raises(Unmappable) as refused:
        read(GOOD | {column: cell}, layout(CUSTOMERS))
    assert refused.value.path == f'$.rows[17]["{column}"]'
    assert why in refused.value.reason
    assert not cell.strip() or cell not in refused.value.reason


@pytest.mark.parametrize(
    ("fields", "cells", "column"),
    [
        ({"No 1": "phones[0].raw", "Type": "phones[0].type"}, {"Type": "mobile"}, "No 1"),
        (
            {"A": "emails[0].address", "B": "emails[1].address", "Type": "emails[1].type"},
            {"Type": "work"},
            "B",
        ),
    ],
)
def test_an_empty_cell_that_is_needed_is_named(fields: dict[str, str], cells: dict[str, str], column: str) -> None:
    columns = [
        {"column": name, "field": field, "type": "enum" if name == "Type" else "string"}
        for name, field in fields.items()
    ]
    with pytest.raises(Unmappable, match="is empty, but required") as refused:
        read({"No": "1"} | dict.fromkeys(fields, "") | cells, layout(CUSTOMERS, columns=columns, constants={}))
    assert refused.value.path == f'$.rows[17]["{column}"]'


def test_an_order_without_sums_names_their_column() -> None:
    cells = {"Branch": "N", "Order": "7", "Cur": "EUR", "Total": "", "Paid": "", "Buyer": ""}
    columns = [one | {"required": False} for one in ORDERS["columns"]]
    with pytest.raises(Unmappable, match="is empty, but required") as refused:
        read(cells, layout(ORDERS, columns=columns))
    assert refused.value.path == '$.rows[17]["Total"]'


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"columns": [{"column": "A", "field": "e_mail"}]}, "has no field e_mail to fill"),
        ({"columns": [{"column": "A", "field": "emails"}]}, "is a list: name an item, such as emails[0]"),
        (
            {"columns": [{"column": "A", "field": "emails[0]"}]},
            "has parts: name one, such as emails[0].address",
        ),
        ({"columns": [{"column": "A", "field": "id"}]}, "has no field id to fill"),
        ({"columns": [{"column": "A", "field": "status"}]}, "type string does not fit status, which takes enum"),
        ({"columns": [{"column": "A", "field": "created_at", "type": "number"}]}, "which takes date or datetime"),
        (
            {"columns": [{"column": "A", "field": "kind", "type": "enum", "values": {"P": "human"}}]},
            "'human' is not one",
        ),
        ({"columns": [{"column": "A", "field": "emails[0].type", "type": "enum"}]}, "emails[0].address is required"),
        ({"columns": [{"column": "A", "field": "notes"}, {"column": "B", "field": "notes"}]}, "notes is filled twice"),
        ({"columns": []}, "csv.columns is empty"),
        (
            {"columns": [{"column": "A", "field": "order_stats.total_spent", "type": "number"}]},
            "type number does not fit order_stats.total_spent, which takes money",
        ),
        (
            {"columns": [{"column": "A", "field": "custom_fields.vip", "type": "boolean", "values": {"J": "yes"}}]},
            "'yes' is not one of true, false",
        ),
        (
            {
                "columns": [
                    {"column": "A", "field": "status", "type": "enum", "values": {"a": "active", "A": "blocked"}}
                ]
            },
            "'a' is there twice with different values",
        ),
        ({"object": "tickets", "columns": [{"column": "A", "field": "status_category"}]}, "no field status_category"),
        ({"constants": {"custom_fields.vip": "yes"}}, "custom_fields.vip must be filled by a column"),
        ({"delimiter": ";;"}, "csv.delimiter"),
        ({"folder": "exports"}, "must be an absolute path"),
        ({"encoding": "latin-17"}, "csv.encoding"),
        ({"encoding": "base64"}, "csv.encoding"),
        ({"encoding": "UTF7"}, "csv.encoding"),
        ({"encoding": "unicode_escape"}, "csv.encoding"),
        ({"timezone": "Mars/Olympus"}, "csv.timezone"),
        ({"date_format": "%d.%m."}, "csv.date_format"),
        ({"constants": {"kind": "person"}}, "an amount needs a currency"),
        ({"constants": {"order_stats.currency": "EURO"}}, "takes an ISO 4217 code"),
        (
            {"constants": {"order_stats.currency": "EUR", "addresses[1].country_code": "UK"}},
            "an ISO 3166-1 alpha-2 code",
        ),
    ],
)
def test_a_layout_that_cannot_be_meant_so(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(LayoutError) as refused:
        layout(CUSTOMERS, **changes)
    assert complaint in str(refused.value)


def test_what_a_row_says_does_not_depend_on_where_the_file_lies() -> None:
    assert layout(CUSTOMERS, folder="/srv/a").fingerprint == layout(CUSTOMERS).fingerprint
    assert layout(CUSTOMERS, timezone="UTC").fingerprint != layout(CUSTOMERS).fingerprint


def test_an_order_needs_all_its_sums() -> None:
    with pytest.raises(LayoutError, match=r"totals\.tax is required"):
        layout(ORDERS, constants={})


@pytest.mark.parametrize(
    ("row", "path", "why"),
    [
        ({"row": 2, "cells": {"No": "1", "Name": "Lee"}}, '$.rows[2]["Note"]', "is missing"),
        ({"row": 2, "cells": {"No": "1", "Name": "", "Note": "", "Zoe": "Quill"}}, "$.rows[2]", "allowed: No, Name"),
        ({"row": 2, "cells": {}, "fault": "Zoe Quill"}, "$.rows[2]", "has a fault; correct the cells"),
        ({"row": "Zoe", "cells": {}}, "$", 'is not {"row": number'),
        ({"row": 2, "cells": {"No": ["Zoe"]}}, "$", 'is not {"row": number'),
        ("Zoe Quill", "$", 'is not {"row": number'),
    ],
)
def test_an_edited_row_of_another_form_is_refused_and_not_repeated(row: Any, path: str, why: str) -> None:
    with pytest.raises(Unmappable) as refused:
        read_row(msgspec.json.encode(row), PLAIN)
    assert refused.value.path == path
    assert why in refused.value.reason
    assert "Zoe" not in refused.value.path + refused.value.reason


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text(max_size=40)))
def test_any_cells_are_read_or_refused(cells: dict[str, str]) -> None:
    try:
        payload = msgspec.json.encode({"row": 2, "cells": GOOD | cells})
    except UnicodeEncodeError:
        return
    path, mapped = "$.rows[2][", None
    try:
        mapped = read_row(payload, layout(CUSTOMERS))
    except Unmappable as refused:
        path = refused.path
    assert path.startswith("$.rows[2][")
    if mapped is not None:
        assert msgspec.convert(msgspec.to_builtins(mapped.data), Customer) == mapped.data
