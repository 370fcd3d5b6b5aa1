"""Layouts of exports of a shop, and rows that fit them."""

from typing import Any

import msgspec

from mappings.csv.layout import Layout, LayoutSetting, make_layout
from mappings.csv.rows_r1 import read_row

CUSTOMERS: dict[str, Any] = {
    "object": "customers",
    "key": "No",
    "delimiter": ";",
    "decimal": ",",
    "date_format": "%d.%m.%Y",
    "timezone": "Europe/Berlin",
    "constants": {"kind": "person", "order_stats.currency": "EUR"},
    "columns": [
        {"column": "Name", "field": "last_name", "required": True},
        {"column": "E-mail", "field": "emails[0].address"},
        {"column": "Phone", "field": "phones[0].raw"},
        {"column": "Land", "field": "addresses[0].country_code"},
        {"column": "Ort", "field": "addresses[0].city"},
        {"column": "State", "field": "status", "type": "enum", "values": {"A": "active", "X": "blocked"}},
        {"column": "Since", "field": "created_at", "type": "date"},
        {"column": "Orders", "field": "order_stats.count", "type": "number"},
        {"column": "Spent", "field": "order_stats.total_spent", "type": "money"},
        {"column": "VIP", "field": "custom_fields.vip", "type": "boolean"},
    ],
}
GOOD = {
    "No": "4711",
    "Name": "Lee",
    "E-mail": " Ann@Example.COM ",
    "Phone": "+44 117 496 0123",
    "Land": "GB",
    "Ort": "Bristol",
    "State": "a",
    "Since": "01.07.2026",
    "Orders": "3",
    "Spent": "1.119,70",
    "VIP": "yes",
}
ORDERS: dict[str, Any] = {
    "object": "orders",
    "key": ["Branch", "Order"],
    "constants": {f"totals.{name}": "0" for name in ("discount", "shipping", "fees", "tip", "tax", "refunded")},
    "columns": [
        {"column": "Order", "field": "number"},
        {"column": "Cur", "field": "currency", "required": True},
        {"column": "Total", "field": "totals.total", "type": "money", "required": True},
        {"column": "Total", "field": "totals.items", "type": "money"},
        {"column": "Paid", "field": "totals.paid", "type": "money"},
        {"column": "Buyer", "field": "customer.email"},
    ],
}
PLAIN_SETTING = {
    "object": "customers",
    "key": "No",
    "columns": [{"column": "Name", "field": "last_name"}, {"column": "Note", "field": "notes"}],
}


def layout(setting: dict[str, Any], **changes: Any) -> Layout:
    return make_layout(msgspec.convert({**setting, **changes}, LayoutSetting))


def read(cells: dict[str, str], of: Layout, row: int = 17) -> Any:
    return read_row(msgspec.json.encode({"row": row, "cells": cells}), of)


PLAIN = layout(PLAIN_SETTING)
