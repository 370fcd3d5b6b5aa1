"""Records that a test places without validation, to test readers."""

import re
from typing import Any

from emulators.shopify import records
from emulators.shopify.customer_input import display_name
from emulators.shopify.ids import is_gid, new_gid
from emulators.shopify.inventory import LEVEL, place
from emulators.shopify.orders import FIRST_ORDER
from emulators.shopify.variants import VARIANT
from emulators.state import State

JsonRecord = dict[str, Any]


def placed(kind: str, payload: JsonRecord, state: State, now: float) -> JsonRecord:
    """Place a `Customer` or an `Order` in the shape of GraphQL's answers: connections as `{"nodes": […]}`
    or a plain list, money as `MoneyBag`.

    Absent non-null fields get neutral values. All others stay, also nulls, unknown enum values and wrong types. A
    record with a known id is replaced.
    """
    record = dict(payload)
    if kind == LEVEL:
        return place(state, record, now)
    if not is_gid(str(record.get("id", ""))):
        number = str(record.get("id") or "")
        record["id"] = f"gid://shopify/{kind}/{number}" if number.isdecimal() else new_gid(state, kind)
    if kind == VARIANT:
        record.setdefault("title", "Default Title")
        state.put(kind, record["id"], record)
        return record
    if kind == records.ORDER:
        _name_order(record, state)
    else:
        record.setdefault("displayName", _display_name(record))
    return records.save(state, kind, record, now)


def _display_name(record: JsonRecord) -> str:
    named = {key: str(record[key]) for key in ("firstName", "lastName") if record.get(key)}
    return str(display_name({**record, **named}))


def _name_order(record: JsonRecord, state: State) -> None:
    if "name" not in record:
        record["name"] = f"#{state.next_id('order number', FIRST_ORDER)}"
    digits = re.search(r"[0-9]{1,9}", str(record["name"]))
    record.setdefault("number", int(digits[0]) if digits else 0)
    record.setdefault("presentmentCurrencyCode", record.get("currencyCode") or "USD")
