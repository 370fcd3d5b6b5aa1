"""Every kind of request that the mapping ever makes, with all that it can hold."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import msgspec
from graphql import DocumentNode, parse

from canonical.order_patch import OrderCancel, OrderPatch
from mappings.endpoints import ListQuery
from mappings.http import VendorRequest
from mappings.shopify import VENDOR
from mappings.shopify.customer_r1 import CUSTOMER
from mappings.shopify.order_r1 import ORDER
from mappings.shopify.wire_2026_07 import Completion
from mappings.shopify.wire_inputs_2026_07 import (
    AssociateInput,
    AttributeInput,
    CustomerInput,
    CustomerWrite,
    DiscountCodeInput,
    FixedDiscountInput,
    LineItemInput,
    MailingAddressInput,
    MarketingConsentInput,
    MoneyBagInput,
    MoneyInput,
    OrderCreateInput,
    OrderCustomerInput,
    OrderInput,
    OrderWrite,
    ShippingLineInput,
    TransactionInput,
)
from tests.required import required

from .conftest import SHOP

ADDRESS = MailingAddressInput(first_name="Ann", last_name="Lee", city="Berlin", country_code="DE")
CONSENT = MarketingConsentInput(marketing_state="SUBSCRIBED", consent_updated_at=datetime(2026, 5, 1, tzinfo=UTC))
SUM = MoneyBagInput(shop_money=MoneyInput(amount="1.00", currency_code="EUR"))
WHOLE_CUSTOMER = CustomerWrite(
    input=CustomerInput(
        email="a@example.com",
        phone="+4722012345",
        first_name="Ann",
        last_name="Lee",
        locale="de",
        note="n",
        tags=("a",),
        tax_exempt=True,
    ),
    addresses=(ADDRESS,),
    email_consent=CONSENT,
    sms_consent=CONSENT,
    cleared=(("custom", "tier"),),
)
WHOLE_ORDER = OrderWrite(
    create=OrderCreateInput(
        name="X-1",
        currency="EUR",
        presentment_currency="EUR",
        customer=OrderCustomerInput(to_associate=AssociateInput(id="gid://shopify/Customer/1")),
        email="a@example.com",
        phone="+4722012345",
        billing_address=ADDRESS,
        shipping_address=ADDRESS,
        line_items=(LineItemInput(quantity=1, title="Mug", price_set=SUM),),
        shipping_lines=(ShippingLineInput(title="Post", price_set=SUM),),
        discount_code=DiscountCodeInput(item_fixed_discount_code=FixedDiscountInput(code="A", amount_set=SUM)),
        transactions=(TransactionInput(kind="SALE", status="SUCCESS", amount_set=SUM),),
        taxes_included=False,
        note="n",
        tags=("a",),
        test=True,
        processed_at=datetime(2026, 5, 1, tzinfo=UTC),
        custom_attributes=(AttributeInput(key="a", value="b"),),
    ),
    update=OrderInput(
        email="a@example.com",
        phone="+4722012345",
        note="n",
        tags=("a",),
        shipping_address=ADDRESS,
        custom_attributes=(AttributeInput(key="a", value="b"),),
    ),
    cleared=(("custom", "tier"),),
)


def requests() -> Iterator[VendorRequest]:
    """Every kind of request that is ever sent, with all that it can hold."""
    customers: Any = CUSTOMER.endpoints
    orders: Any = ORDER.endpoints
    yield from VENDOR.account_requests
    yield from VENDOR.setup
    yield from required(VENDOR.choices).requests(SHOP)
    for endpoints in (customers, orders):
        yield endpoints.read("1", SHOP)
        yield endpoints.list(ListQuery(limit=250, updated_since=datetime(2026, 5, 1, tzinfo=UTC)), SHOP)
        yield endpoints.find_marker("op_1", None, None, SHOP)
        yield from (find("x", SHOP) for find in endpoints.find.values())
    yield customers.create(WHOLE_CUSTOMER, "op_1", None, SHOP)
    parts = ("addresses", "email_consent", "sms_consent", "cleared", "input")
    for chosen in (chosen for size in range(len(parts) + 1) for chosen in combinations(parts, size)):
        body = msgspec.structs.replace(CustomerWrite(), **{part: getattr(WHOLE_CUSTOMER, part) for part in chosen})
        yield customers.update("1", body, "op_1", SHOP)
    yield orders.create(WHOLE_ORDER, "op_1", None, SHOP)
    yield orders.update("1", WHOLE_ORDER, "op_1", SHOP)
    yield orders.update("1", OrderWrite(), "op_1", SHOP)
    yield orders.find_products(OrderPatch(), ("MUG", 'M "1"'), SHOP)
    yield orders.cancel("1", OrderCancel(reason="other", note="n"), "op_1", SHOP)[0]
    for lacking in (Completion(brief=True), Completion(lines_after="c")):
        yield orders.side_load((), msgspec.structs.replace(SHOP, orders={"gid://shopify/Order/1": lacking}))


REQUESTS = list(requests())


def parsed(request: VendorRequest) -> DocumentNode:
    """The document of a request."""
    return parse(msgspec.json.decode(required(request.body))["query"])
