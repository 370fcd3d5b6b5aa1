"""Events that can be listed."""

from .conftest import Shop, error


def test_changes_are_listed_newest_first(shop: Shop) -> None:
    ann, bob = shop.customer(name="Ann"), shop.customer(name="Bob")
    shop.sdk.customers.delete(ann.id)
    shop.checkout()

    events = shop.sdk.events.list({"types": ["customer.created", "customer.deleted"]})

    assert [(one.type, one.data.object["id"]) for one in events] == [
        ("customer.deleted", ann.id),
        ("customer.created", bob.id),
    ]
    first = shop.sdk.events.list({"limit": 1})
    (second,) = shop.sdk.events.list({"limit": 1, "starting_after": first.data[0].id}).data
    assert (first.has_more, second.data.object["id"]) == (True, bob.id)
    assert shop.sdk.events.list({"created": {"gte": events.data[0].created + 100}}).data == []
    assert error(shop.http.get("events", params={"starting_after": "evt_none"}))["code"] == "resource_missing"
