"""Records placed from outside, answers that drift, and what survives a kill."""

from tests.required import required

from ..conftest import RunningEmulators
from .conftest import Shop


def test_an_almost_empty_order_reads_whole(shop: Shop) -> None:
    placed = shop.emulators.place("shopify", "Order", {})
    order = required(shop.read_order(placed["id"]))
    assert order["name"].startswith("#")
    assert (order["displayFinancialStatus"], order["customer"], order["email"]) == (None, None, None)
    assert order["totalPriceSet"]["shopMoney"] == {"amount": "0.0", "currencyCode": "USD"}
    assert order["lineItems"] == {"nodes": []}


def test_an_almost_empty_customer_reads_whole(shop: Shop) -> None:
    placed = shop.emulators.place("shopify", "Customer", {"defaultEmailAddress": {"emailAddress": "a@example.com"}})
    data = shop.data(
        """query($id: ID!) { customer(id: $id) { displayName state locale amountSpent { amount } numberOfOrders
             firstName defaultPhoneNumber { phoneNumber } addressesV2(first: 1) { nodes { id } } } }""",
        id=placed["id"],
    )["customer"]
    assert data == {
        "displayName": "a@example.com",
        "state": "DISABLED",
        "locale": "en",
        "amountSpent": {"amount": "0.0"},
        "numberOfOrders": "0",
        "firstName": None,
        "defaultPhoneNumber": None,
        "addressesV2": {"nodes": []},
    }


def test_strange_values_come_out_as_they_went_in(shop: Shop) -> None:
    placed = shop.emulators.place(
        "shopify",
        "Order",
        {
            "id": "4242",
            "name": "Weird/∅",
            "displayFinancialStatus": "QUANTUM_PAID",
            "displayFulfillmentStatus": "TELEPORTED",
            "cancelReason": "BOREDOM",
            "currencyCode": "XTS",
            "totalPriceSet": {"shopMoney": {"amount": "12.500", "currencyCode": "XTS"}},
            "totalTaxSet": None,
            "lineItems": [{"name": "Ghost", "quantity": 1, "sku": None}],
            "transactions": [{"kind": "WISH", "status": "HOPEFUL", "gateway": None}],
            "customer": {"id": "gid://shopify/Customer/99", "displayName": "Gone"},
            "notOfTheSchema": 1,
        },
    )
    assert placed["id"] == "gid://shopify/Order/4242"
    order = required(shop.read_order(placed["id"]))
    assert order["name"] == "Weird/∅"
    assert (order["displayFinancialStatus"], order["displayFulfillmentStatus"]) == ("QUANTUM_PAID", "TELEPORTED")
    assert (order["cancelReason"], order["currencyCode"]) == ("BOREDOM", "XTS")
    assert order["totalPriceSet"] == {"shopMoney": {"amount": "12.500", "currencyCode": "XTS"}}
    assert order["lineItems"]["nodes"][0]["name"] == "Ghost"
    assert (order["transactions"][0]["kind"], order["transactions"][0]["status"]) == ("WISH", "HOPEFUL")
    assert order["customer"]["displayName"] == "Gone"
    assert order["totalTaxSet"] is None


def test_placed_discounts_and_payments_find_their_types(shop: Shop) -> None:
    placed = shop.emulators.place(
        "shopify",
        "Order",
        {
            "discountApplications": {"nodes": [{"title": "Staff", "value": {"percentage": 10.0}}]},
            "transactions": [{"paymentDetails": {"number": "•••• •••• •••• 4242"}}],
            "fulfillments": [{"trackingInfo": [{"number": "T-1"}], "displayStatus": "IN_TRANSIT"}],
            "refunds": [{"refundLineItems": {"nodes": [{"quantity": 1, "lineItem": {"name": "Lid"}}]}}],
        },
    )
    data = shop.data(
        """query($id: ID!) { order(id: $id) {
             discountApplications(first: 1) { nodes { __typename ... on ManualDiscountApplication { title }
               value { ... on PricingPercentageValue { percentage } } } }
             transactions(first: 1) { paymentDetails { ... on CardPaymentDetails { number } } }
             fulfillments(first: 1) { displayStatus trackingInfo { number } }
             refunds(first: 1) { refundLineItems(first: 1) { nodes { quantity lineItem { name } } } } } }""",
        id=placed["id"],
    )["order"]
    assert data == {
        "discountApplications": {
            "nodes": [{"__typename": "ManualDiscountApplication", "title": "Staff", "value": {"percentage": 10.0}}]
        },
        "transactions": [{"paymentDetails": {"number": "•••• •••• •••• 4242"}}],
        "fulfillments": [{"displayStatus": "IN_TRANSIT", "trackingInfo": [{"number": "T-1"}]}],
        "refunds": [{"refundLineItems": {"nodes": [{"quantity": 1, "lineItem": {"name": "Lid"}}]}}],
    }


def test_a_placed_order_can_be_cancelled_and_keeps_what_it_was_sold_for(shop: Shop) -> None:
    placed = shop.emulators.place(
        "shopify",
        "Order",
        {
            "displayFinancialStatus": "PENDING",
            "totalPriceSet": {"shopMoney": {"amount": "80.0", "currencyCode": "USD"}},
            "lineItems": [{"title": "Kettle", "quantity": 1, "currentQuantity": 1}],
        },
    )
    shop.cancel(placed["id"])
    order = shop.cancelled(placed["id"])
    assert order["totalPriceSet"]["shopMoney"]["amount"] == "80.0"


def test_all_of_it_outlives_a_kill(own_emulators: RunningEmulators) -> None:
    shop = Shop(own_emulators)
    shop.define()
    mark = {"namespace": "lockstitch", "key": "operation", "value": "op_1"}
    ida = shop.customer(email="ida@example.com")
    order = shop.order(metafields=[mark], customer={"toAssociate": {"id": ida["id"]}})
    shop.cancel(order["id"])
    own_emulators.kill()
    own_emulators.start()

    after = required(shop.read_order(order["id"]))
    assert after["customer"]["id"] == ida["id"]
    assert shop.create_order(metafields=[mark])["order"] is None
    shop.cancelled(order["id"])
    assert len(own_emulators.records("shopify", "Customer")) == 1
    shop.http.close()
