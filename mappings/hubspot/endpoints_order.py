"""Endpoints of orders and their line items.

Line items exist before the order that names them, so an order never shows without its lines. Each line item carries the
operation and its place in a unique property. The batch upsert by that property creates all of them or none, and a
repeat finds those of the first attempt.
"""

from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from mappings.endpoints import Endpoints
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot import paging, related
from mappings.hubspot.endpoints import RECOVERY, linked_page, linked_record
from mappings.hubspot.requests import CrmObject
from mappings.hubspot.wire_order_v3 import ORDER_KEY, LineItemProperties, OrderProperties, OrderWrite
from mappings.hubspot.wire_v3 import (
    MARKER,
    Account,
    AssociatedId,
    AssociatedIds,
    AssociationType,
    NewAssociation,
    ObjectId,
    Records,
    RecordWrite,
    Upserted,
    documented_order_pipelines,
)
from mappings.kit.rest import get
from mappings.spec import VendorDrift, decode

ORDER_TO_LINE: Final = 513
"""HubSpot's type of the association from an order to a line item."""
MOST_ORDERS: Final = 50
"""Orders on a page: their line items are read in batches of 100."""

ORDER_CALLS: Final = CrmObject(
    name="order",
    path="/crm/v3/objects/orders",
    group="order_information",
    modified="hs_lastmodifieddate",
    reads=(OrderProperties,),
    associations=lambda account: "contacts,line_items",
    external_id=ORDER_KEY,
    searched={"email": "hs_billing_address_email", "number": "hs_order_name"},
)
LINE_CALLS: Final = CrmObject(
    name="order",
    path="/crm/v3/objects/line_items",
    group="lineiteminformation",
    modified="hs_lastmodifieddate",
    reads=(LineItemProperties,),
    external_id=MARKER,  # a line item has no key of its own
)
ORDER_SETUP: Final = (*ORDER_CALLS.setup(), *LINE_CALLS.setup())


def create_lines(body: OrderWrite, marker: str, account: Account) -> VendorRequest | None:
    """Build the request for the line items of a new order. A repeat creates none twice."""
    if not body.line_items:
        return None
    return LINE_CALLS.upsert_batch(
        tuple(
            Upserted(id=f"{marker}-{place}", id_property=MARKER, properties=properties)
            for place, properties in enumerate(body.line_items)
        )
    )


def with_lines(body: OrderWrite, reply: VendorReply) -> OrderWrite:
    """Return the order that names its line items. Raises VendorDrift unless the reply has all of them."""
    ids = tuple(decode(record, AssociatedId).id for record in decode(reply.body, Records).results)
    if len(ids) != len(body.line_items):
        raise VendorDrift("$.results", f"{len(ids)} line items were created instead of {len(body.line_items)}")
    lines = tuple(
        NewAssociation(to=ObjectId(id=id), types=(AssociationType(association_type_id=ORDER_TO_LINE),)) for id in ids
    )
    return msgspec.structs.replace(body, associations=(*body.associations, *lines))


def create_order(body: OrderWrite, marker: str, parent: str | None, account: Account) -> VendorRequest:
    """Build the request for a new order. Without a status it is in the first stage of the first pipeline."""
    properties = body.properties
    if "hs_pipeline_stage" not in properties:
        known = (*account.order_pipelines.values(), *documented_order_pipelines().values())
        pipeline = next(one for one in known if one.stages)
        properties = {"hs_pipeline": pipeline.id, "hs_pipeline_stage": next(iter(pipeline.stages))} | properties
    order = RecordWrite(properties=properties, associations=body.associations)
    return ORDER_CALLS.create(order, marker, parent, account)


class _LineLinks(Struct, frozen=True, kw_only=True):
    orders: AssociatedIds = AssociatedIds()


class _Line(Struct, frozen=True, kw_only=True):
    associations: _LineLinks = _LineLinks()


def order_of_line(line: str, is_gone: bool) -> VendorRequest:
    """Build the request for the order of a line item, by its associations."""
    query = (("associations", "orders"), *((("archived", "true"),) if is_gone else ()))
    return get(f"/crm/v3/objects/line_items/{line}", *query, route="/crm/v3/objects/line_items/{id}")


def order_in(reply: VendorReply) -> str | None:
    """Return the id of that order, None for a line item without one."""
    orders = decode(reply.body, _Line).associations.orders.results
    return orders[0].id if orders else None


ORDERS: Final = Endpoints[OrderWrite, Account](
    read=ORDER_CALLS.read,
    record=partial(linked_record, ORDER_CALLS, related.linked_orders),
    list=partial(paging.list_request, ORDER_CALLS),
    page=partial(linked_page, ORDER_CALLS, related.linked_orders),
    filters=frozenset({"email", "external_id", "number"}),
    max_limit=MOST_ORDERS,
    side_load=partial(related.side_load_orders, LINE_CALLS),
    absorb=related.absorb_orders,
    of_part=order_of_line,
    whole=order_in,
    person=lambda order: "link",
    create=create_order,
    parts=create_lines,
    with_parts=with_lines,
    update=ORDER_CALLS.update,
    find={"external_id": ORDER_CALLS.finder(ORDER_KEY)},
    write_result=ORDER_CALLS.write_result,
    find_marker=ORDER_CALLS.find_marker,
    marked=ORDER_CALLS.marked,
    recovery={action: RECOVERY[action] for action in ("create", "update")},
)
