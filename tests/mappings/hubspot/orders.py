"""Orders of HubSpot as the tests build, read and write them."""

from typing import Any

import msgspec

from canonical.order import Order
from canonical.order_patch import OrderPatch
from mappings.hubspot.order_r1 import ORDER
from mappings.hubspot.wire_order_v3 import OrderAssociations, OrderRecord, OrderWrite
from mappings.hubspot.wire_v3 import Account, AssociatedId, AssociatedIds, Stub, documented_order_pipelines
from mappings.spec import Draft, Mapped

FRESH = Account()
(PIPELINE,) = documented_order_pipelines().values()
OPEN, PROCESSED, SHIPPED, DELIVERED, CANCELLED = PIPELINE.stages


def order(*contacts: str, **properties: str | None) -> OrderRecord:
    """An order of these contacts with these properties."""
    moment = msgspec.convert("2026-03-12T07:33:57Z", OrderRecord.__annotations__["created_at"])
    return OrderRecord(
        id="41",
        properties=dict(properties),
        created_at=moment,
        updated_at=moment,
        associations=OrderAssociations(contacts=_ids(contacts)),
    )


def of_lines(record: OrderRecord, *lines: str) -> OrderRecord:
    """The order with these lines."""
    return msgspec.structs.replace(record, associations=OrderAssociations(line_items=_ids(lines)))


def _ids(ids: tuple[str, ...]) -> AssociatedIds:
    return AssociatedIds(results=tuple(AssociatedId(id=one) for one in ids))


def mapped(record: OrderRecord, account: Account = FRESH) -> Mapped[Order]:
    """What the order reads as."""
    return ORDER.to_canonical(record, account)


def draft(current: OrderRecord | None = None, account: Account = FRESH, /, **fields: Any) -> Draft[OrderWrite]:
    """The write of these fields."""
    return ORDER.to_vendor(msgspec.convert(fields, OrderPatch), current, account)


def refused(current: OrderRecord | None = None, account: Account = FRESH, /, **fields: Any) -> dict[str, str]:
    """The kinds of refusals by pointer."""
    return {one.pointer: one.kind for one in draft(current, account, **fields).refused}


def created(body: OrderWrite) -> tuple[OrderRecord, Account]:
    """The order after HubSpot has carried out the write, and the account with its lines."""
    lines = {str(place + 1): Stub(id=str(place + 1), properties=dict(one)) for place, one in enumerate(body.line_items)}
    known = msgspec.structs.replace(FRESH, line_items=dict(reversed(lines.items())))
    return of_lines(order(**body.properties), *reversed(lines)), known


FULL = order(
    "51",
    hs_order_name="#1",
    hs_external_order_id="web-1",
    hs_currency_code="EUR",
    hs_pipeline=PIPELINE.id,
    hs_pipeline_stage=PROCESSED,
    hs_payment_status="paid",
    hs_total_price="45.80",
    hs_subtotal_price="39.80",
    hs_shipping_cost="5.00",
    hs_order_discount="4.00",
    hs_discount_codes="SPRING",
    hs_tax="5.00",
    hs_billing_address_email="ann@example.com",
    hs_billing_address_name="Ann Lee",
    hs_billing_address_street="1 Main Street",
)
