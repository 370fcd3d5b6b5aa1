"""Medusa's mapping against a real Medusa, which keeps its customers and orders in a database of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.commands import lockstitch
from tests.contract.callers import code_of, expect, new_key, pointers
from tests.contract.waiting import until
from tests.peers.medusa.bench import Bench, running_bench

ANN = {
    "first_name": "Ann",
    "last_name": "Lee",
    "company_name": "Lee Ceramics Ltd",
    "emails": [{"address": "ann.lee@example.com"}],
    "phones": [{"e164": "+441174960123"}],
    "external_id": "erp-1",
    "custom_fields": [{"key": "tier", "value": "gold"}, {"key": "since", "value": "2026-05-01"}],
}
HARBOUR = {
    "name": "Ann Lee",
    "line1": "12 Harbour Street",
    "city": "Bristol",
    "postal_code": "BS1 4RN",
    "country_code": "GB",
    "phone": "+441174960123",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Bench]:
    """All of it, running."""
    with running_bench(tmp_path_factory.mktemp("peer"), module_database_url) as running:
        yield running


def test_it_has_the_evidence_for_silver(bench: Bench) -> None:
    checked = lockstitch(
        *("check-vendor", "medusa", "--no-types", "--level", "silver", "--peer", bench.proxy.url),
        environment={"LOCKSTITCH_PEER_API_KEY": bench.shop.key},
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_login_serves_like_a_key(bench: Bench) -> None:
    for _ in range(3):
        assert bench.caller.get("/v1/customers?connection=person").status_code == 200
    assert bench.proxy.sent("POST", "/auth/user/emailpass") == 1


def test_a_customer_is_made_and_read_back(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", ANN)
    read = bench.caller.get(f"/v1/customers/{made['id']}").json()
    for customer in (made, read):
        for name in ("first_name", "last_name", "company_name", "external_id"):
            assert customer[name] == ANN[name]
        assert customer["display_name"] == "Ann Lee"
        assert customer["emails"][0]["address"] == "ann.lee@example.com"
        assert customer["phones"][0]["e164"] == "+441174960123"
        assert [field["value"] for field in customer["custom_fields"]] == ["gold", "2026-05-01"]
    (there,) = bench.shop.customers("ann.lee@example.com")
    assert there["id"] == made["meta"]["remote_id"]
    assert there["metadata"] == {
        "external_id": "erp-1",
        "tier": "gold",
        "since": "2026-05-01",
        "lockstitch_operation_id": made["meta"]["operation_id"],
    }


def test_a_customer_s_addresses_are_read_with_him(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", {"first_name": "Al", "emails": [{"address": "al@example.com"}]})
    bench.shop.post(
        f"/customers/{made['meta']['remote_id']}/addresses",
        address_name="home",
        address_1="12 Harbour Street",
        city="Bristol",
        country_code="gb",
        is_default_billing=True,
    )
    (address,) = bench.caller.get(f"/v1/customers/{made['id']}").json()["addresses"]
    assert (address["type"], address["type_raw"], address["country_code"]) == ("billing", "home", "GB")


def test_a_customer_is_changed_in_one_field(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", ANN | {"emails": [{"address": "bo@example.com"}]})
    changed = bench.caller.write("PATCH", f"/v1/customers/{made['id']}", {"last_name": "Lees", "external_id": None})
    assert (changed.status_code, changed.json()["external_id"]) == (200, None), changed.text
    (there,) = bench.shop.customers("bo@example.com")
    assert (there["last_name"], there["first_name"], there["phone"]) == ("Lees", "Ann", "+441174960123")
    assert "external_id" not in there["metadata"]
    assert there["metadata"]["tier"] == "gold"


def test_an_upsert_makes_once_and_then_changes(bench: Bench) -> None:
    body = {"first_name": "Cy", "emails": [{"address": "cy@example.com"}]}
    first = bench.caller.write("POST", "/v1/customers?upsert_on=email", body)
    second = bench.caller.write("POST", "/v1/customers?upsert_on=email", body | {"last_name": "Twombly"})
    assert (first.status_code, second.status_code) == (201, 200), second.text
    assert first.json()["id"] == second.json()["id"]
    (there,) = bench.shop.customers("cy@example.com")
    assert there["last_name"] == "Twombly"


def test_a_write_against_an_older_version_is_a_conflict(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", {"first_name": "Di", "emails": [{"address": "di@example.com"}]})
    tag = bench.caller.get(f"/v1/customers/{made['id']}").headers["etag"]
    bench.shop.post(f"/customers/{made['meta']['remote_id']}", first_name="Di, changed elsewhere")
    refused = bench.caller.write("PATCH", f"/v1/customers/{made['id']}", {"last_name": "x"}, headers={"if-match": tag})
    assert code_of(refused, 412) == "version-conflict"
    assert bench.shop.customers("di@example.com")[0]["last_name"] is None


def test_a_caller_who_repeats_himself_is_answered_again(bench: Bench) -> None:
    key, body = new_key(), {"first_name": "Ed", "emails": [{"address": "ed@example.com"}]}
    first = bench.caller.write("POST", "/v1/customers", body, key=key)
    again = bench.caller.write("POST", "/v1/customers", body, key=key)
    assert first.json() == again.json()
    reused = bench.caller.write("POST", "/v1/customers", body | {"last_name": "x"}, key=key)
    expect(reused, 422, "idempotency-key-reused")
    assert len(bench.shop.customers("ed@example.com")) == 1


def test_a_second_customer_with_the_address_is_refused_in_medusa_s_words(bench: Bench) -> None:
    body = {"first_name": "Flo", "emails": [{"address": "flo@example.com"}]}
    bench.caller.create("/v1/customers", body)
    refused = expect(bench.caller.write("POST", "/v1/customers", body), 409, "duplicate-record")
    assert refused.json()["vendor"]["code"] == "invalid_data"
    assert "already exists" in refused.text
    assert len(bench.shop.customers("flo@example.com")) == 1


def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    for path in ("/v1/customers/medusa:cus_none", "/v1/orders/medusa:order_none"):
        assert code_of(bench.caller.get(path), 404) == "not-found"
        assert code_of(bench.caller.write("PATCH", path, {"external_id": "x"}), 404) == "not-found"


def test_a_wrong_key_is_reported(bench: Bench) -> None:
    refused = bench.caller.get("/v1/customers/locked:cus_none")
    assert refused.json()["code"] == "vendor-auth-failed", refused.text


def test_a_customer_who_is_archived_is_gone(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", {"first_name": "Gil", "emails": [{"address": "gil@example.com"}]})
    bench.proxy.lose("DELETE", f"/admin/customers/{made['meta']['remote_id']}")
    answer = bench.caller.write("DELETE", f"/v1/customers/{made['id']}", None)
    assert bench.caller.settled(answer)["state"] == "succeeded"
    assert code_of(bench.caller.get(f"/v1/customers/{made['id']}"), 404) == "not-found"
    assert bench.shop.customers("gil@example.com") == []


@pytest.mark.parametrize("emails", [[{"address": "hal@example.com"}], []])
def test_a_customer_s_lost_reply_is_resolved_and_he_is_made_once(bench: Bench, emails: list[dict[str, str]]) -> None:
    bench.proxy.lose("POST", "/admin/customers")
    before = bench.proxy.sent("POST", "/admin/customers")
    name = f"Hal {len(emails)}"
    answer = bench.caller.write("POST", "/v1/customers", {"first_name": name, "emails": emails})
    assert bench.caller.settled(answer)["state"] == "succeeded"
    (there,) = bench.shop.get("/customers", first_name=name)["customers"]
    assert bench.proxy.sent("POST", "/admin/customers") == before + 1
    assert bench.caller.get(f"/v1/customers/medusa:{there['id']}").json()["first_name"] == name


@pytest.mark.parametrize("emails", [[{"address": "lou@example.com"}], []], ids=["unique", "unrefused"])
def test_a_customer_who_arrives_after_the_first_look_is_made_once(bench: Bench, emails: list[dict[str, str]]) -> None:
    """With an address Medusa refuses the first request after the second; without one nothing does."""

    def looked_for() -> int:
        return sum(
            one.startswith("GET /admin/customers?") and ("created_at" in one or "lou%40" in one)
            for one in bench.proxy.heard
        )

    before, name = looked_for(), f"Late Lou {len(emails)}"
    bench.proxy.meanwhile("POST", "/admin/customers", lambda: until(looked_for, lambda looks: looks > before))
    body = {"first_name": name, "emails": emails}
    answer = bench.caller.write("POST", "/v1/customers", body, headers={"prefer": "wait=0"})
    assert bench.caller.settled(answer)["state"] == "succeeded"
    (there,) = bench.shop.get("/customers", first_name=name)["customers"]
    assert bench.caller.get(f"/v1/customers/medusa:{there['id']}").json()["first_name"] == name


def test_a_change_whose_reply_is_lost_is_found_by_reading_back(bench: Bench) -> None:
    made = bench.caller.create("/v1/customers", {"first_name": "Ida", "emails": [{"address": "ida@example.com"}]})
    path = f"/admin/customers/{made['meta']['remote_id']}"
    bench.proxy.lose("POST", path)
    answer = bench.caller.write("PATCH", f"/v1/customers/{made['id']}", {"last_name": "Late"})
    assert bench.caller.settled(answer)["state"] == "succeeded"
    assert bench.proxy.sent("POST", path) == 1
    assert bench.shop.customers("ida@example.com")[0]["last_name"] == "Late"


def order(bench: Bench, **more: Any) -> dict[str, Any]:
    """What a caller says of an order in euros."""
    return {
        "status": "draft",
        "currency": "EUR",
        "customer": {"email": "joy@example.com"},
        "shipping_address": HARBOUR,
        "line_items": [
            {"product": {"connection": "medusa", "variant_remote_id": bench.shop.variant}, "quantity": "2"},
            {"name": "Engraving", "quantity": "1.5", "unit_price": "0.333"},
        ],
        "shipping_lines": [{"title": "Parcel post", "price": "4.50"}],
        "external_id": "web-1",
        "custom_fields": [{"key": "gift", "value": True}],
    } | more


def placed(bench: Bench, **more: Any) -> dict[str, Any]:
    """An order that was made and placed."""
    made = bench.caller.create("/v1/orders", order(bench, **more))
    return expect(bench.caller.write("PATCH", f"/v1/orders/{made['id']}", {"status": "open"})).json()


def test_an_order_is_made_placed_and_read_back(bench: Bench) -> None:
    made = bench.caller.create("/v1/orders", order(bench))
    assert (made["status"], made["source_kind"], made["placed_at"]) == ("draft", "draft_order", None)
    assert bench.shop.order(made["meta"]["remote_id"])["metadata"] == {
        "external_id": "web-1",
        "gift": True,
        "lockstitch_operation_id": made["meta"]["operation_id"],
    }
    opened = expect(bench.caller.write("PATCH", f"/v1/orders/{made['id']}", {"status": "open"})).json()
    read = bench.caller.get(f"/v1/orders/{made['id']}").json()
    for order_body in (opened, read):
        assert (order_body["status"], order_body["source_kind"]) == ("open", "order")
        assert (order_body["payment_status"], order_body["fulfillment_status"]) == ("unpaid", "unfulfilled")
        assert (order_body["currency"], order_body["external_id"]) == ("EUR", "web-1")
        assert order_body["customer"]["email"] == "joy@example.com"
        assert order_body["customer"]["remote_id"].startswith("cus_")
        assert order_body["shipping_address"]["line1"] == "12 Harbour Street"
        assert order_body["custom_fields"][0]["value"] is True
        assert {
            line["name"]: (line["quantity"], line["unit_price"], line["total"]) for line in order_body["line_items"]
        } == {
            "Mug - Blue": ("2", "19.90", "39.80"),
            "Engraving": ("1.5", "0.333", "0.50"),
        }
        assert order_body["shipping_lines"][0]["price"] == "4.50"
        assert (order_body["totals"]["items"], order_body["totals"]["shipping"]) == ("40.30", "4.50")
        assert (order_body["totals"]["total"], order_body["totals"]["outstanding"]) == ("44.80", "44.80")
        assert {loss["path"] for loss in order_body["meta"]["loss"]} == {"/totals"}


@pytest.mark.parametrize(
    ("currency", "country", "price", "total"), [("JPY", "JP", "1250", "3750"), ("KWD", "KW", "1.250", "3.750")]
)
def test_an_order_in_a_currency_of_other_decimals(
    bench: Bench, currency: str, country: str, price: str, total: str
) -> None:
    body = order(
        bench,
        currency=currency,
        shipping_address={"line1": "1 Main", "country_code": country},
        line_items=[{"name": "Cup", "quantity": "3", "unit_price": price}],
        shipping_lines=[],
    )
    made = bench.caller.create("/v1/orders", body)
    assert (made["currency"], made["line_items"][0]["unit_price"]) == (currency, price)
    assert (made["totals"]["total"], made["meta"]["loss"]) == (total, [])


def test_a_new_draft_has_the_sum_of_its_body(bench: Bench) -> None:
    mug = {"connection": "medusa", "variant_remote_id": bench.shop.variant}
    lines = [
        {"product": mug, "quantity": "3", "unit_price": "10.00"},
        {"name": "Engraving", "quantity": "7", "unit_price": "1.99"},
    ]
    parts = {"discounts": [{"code": "A", "amount": "5.01"}], "fees": [{"name": "Tip", "amount": "3.00"}]}
    made = bench.caller.create("/v1/orders", order(bench, line_items=lines, **parts))

    assert f"{bench.shop.order(made['meta']['remote_id'])['total']:.2f}" == made["totals"]["total"] == "46.42"
    assert {one["quantity"] for one in made["line_items"]} == {"3", "7"}
    assert [(one["name"], one["amount"]) for one in made["fees"]] == [("Tip", "3.00")]
    assert {"/discounts/0", "/fees/0"} <= {one["path"] for one in made["meta"]["loss"]}


def test_an_order_goes_to_the_customer_who_is_named(bench: Bench) -> None:
    kim = bench.caller.create("/v1/customers", {"first_name": "Kim", "emails": [{"address": "kim@example.com"}]})
    made = bench.caller.create("/v1/orders", order(bench, customer={"id": kim["id"]}))
    assert made["customer"]["id"] == kim["id"]
    assert made["customer"]["email"] == "kim@example.com"
    body = {"id": kim["id"], "email": "kim.private@example.com"}
    other = bench.caller.create("/v1/orders", order(bench, customer=body))
    assert (other["customer"]["id"], other["customer"]["email"]) == (kim["id"], "kim@example.com")
    assert {"path": "/customer/email", "kind": "ambiguous"}.items() <= next(
        loss for loss in other["meta"]["loss"] if loss["path"] == "/customer/email"
    ).items()


def test_a_draft_goes_to_another_with_the_address(bench: Bench) -> None:
    mo = bench.caller.create("/v1/customers", {"first_name": "Mo", "emails": [{"address": "mo@example.com"}]})
    path = f"/v1/orders/{bench.caller.create('/v1/orders', order(bench))['id']}"
    assert pointers(bench.caller.write("PATCH", path, {"customer": {"id": mo["id"]}})) == ["/customer/email"]
    moved = bench.caller.write("PATCH", path, {"customer": {"id": mo["id"], "email": "mo@example.com"}})
    assert (moved.status_code, moved.json()["customer"]["email"]) == (200, "mo@example.com"), moved.text
    assert moved.json()["customer"]["id"] == mo["id"]


def test_an_order_is_changed_in_one_field_and_against_its_version(bench: Bench) -> None:
    made = placed(bench)
    path = f"/v1/orders/{made['id']}"
    tag = bench.caller.get(path).headers["etag"]
    changed = bench.caller.write("PATCH", path, {"external_id": "web-2"}, headers={"if-match": tag})
    assert (changed.status_code, changed.json()["external_id"]) == (200, "web-2"), changed.text
    stale = bench.caller.write("PATCH", path, {"external_id": "web-3"}, headers={"if-match": tag})
    assert code_of(stale, 412) == "version-conflict"
    there = bench.shop.order(made["meta"]["remote_id"])
    assert (there["metadata"]["external_id"], there["metadata"]["gift"]) == ("web-2", True)
    moved = bench.caller.write("PATCH", path, {"shipping_address": HARBOUR | {"line1": "1 Quay", "phone": None}})
    assert moved.status_code == 200, moved.text
    address = moved.json()["shipping_address"]
    assert (address["line1"], address["phone"], address["country_code"]) == ("1 Quay", None, "GB")


def test_the_country_of_a_placed_order_stays(bench: Bench) -> None:
    made = placed(bench)
    abroad = {"shipping_address": HARBOUR | {"country_code": "DE"}}
    assert code_of(bench.caller.write("PATCH", f"/v1/orders/{made['id']}", abroad), 422) == "invalid-field"
    draft = bench.caller.create("/v1/orders", order(bench))
    changed = bench.caller.write("PATCH", f"/v1/orders/{draft['id']}", abroad)
    assert (changed.status_code, changed.json()["shipping_address"]["country_code"]) == (200, "DE"), changed.text


def test_an_order_that_is_paid_and_cancelled_is_paid_back(bench: Bench) -> None:
    made = placed(bench, line_items=[{"name": "Cup", "quantity": "1", "unit_price": "10.00"}], shipping_lines=[])
    bench.shop.paid(made["meta"]["remote_id"], 10)
    paid = bench.caller.get(f"/v1/orders/{made['id']}").json()
    assert (paid["payment_status"], paid["totals"]["paid"], paid["totals"]["outstanding"]) == ("paid", "10.00", "0.00")
    cancellation = {"reason": "customer", "restock": True, "refund": True}
    bench.proxy.lose("POST", f"/admin/orders/{made['meta']['remote_id']}/cancel")
    answer = bench.caller.write("POST", f"/v1/orders/{made['id']}/cancel", cancellation)
    assert bench.caller.settled(answer)["state"] == "succeeded"
    gone = bench.caller.get(f"/v1/orders/{made['id']}").json()
    assert (gone["status"], gone["payment_status"]) == ("cancelled", "refunded")
    assert gone["cancelled_at"] is not None
    assert {name: gone["totals"][name] for name in ("total", "paid", "refunded", "outstanding")} == {
        "total": "10.00",
        "paid": "10.00",
        "refunded": "10.00",
        "outstanding": "0.00",
    }
    assert [payment["kind"] for payment in gone["payments"]] == ["capture", "refund"]
    assert gone["meta"]["loss"] == []
    assert bench.proxy.sent("POST", f"/admin/orders/{made['meta']['remote_id']}/cancel") == 1


def test_an_order_is_completed_and_put_away(bench: Bench) -> None:
    made = placed(bench)
    done = bench.caller.write("PATCH", f"/v1/orders/{made['id']}", {"status": "completed"})
    assert (done.status_code, done.json()["status"]) == (200, "completed"), done.text
    refused = bench.caller.write(
        "POST", f"/v1/orders/{made['id']}/cancel", {"reason": "staff", "restock": True, "refund": True}
    )
    assert refused.status_code >= 400
    assert "completed" in refused.json()["vendor"]["detail"], refused.text
    archived = bench.caller.write("PATCH", f"/v1/orders/{made['id']}", {"status": "archived"})
    assert (archived.status_code, archived.json()["status"]) == (200, "archived"), archived.text


def test_an_order_s_lost_reply_is_resolved_and_it_is_made_once(bench: Bench) -> None:
    bench.proxy.lose("POST", "/admin/draft-orders")
    before = bench.proxy.sent("POST", "/admin/draft-orders")
    answer = bench.caller.write("POST", "/v1/orders", order(bench, external_id="web-lost"))
    assert bench.caller.settled(answer)["state"] == "succeeded"
    made = [one for one in bench.shop.drafts() if (one["metadata"] or {}).get("external_id") == "web-lost"]
    assert len(made) == 1
    assert bench.proxy.sent("POST", "/admin/draft-orders") == before + 1


def test_an_order_that_arrives_after_the_first_look_is_made_once(bench: Bench) -> None:
    def looked_for() -> int:
        return sum("GET /admin/draft-orders" in one and "created_at" in one for one in bench.proxy.heard)

    before = looked_for()
    bench.proxy.meanwhile("POST", "/admin/draft-orders", lambda: until(looked_for, lambda looks: looks > before))
    body = order(bench, external_id="web-late")
    answer = bench.caller.write("POST", "/v1/orders", body, headers={"prefer": "wait=0"})
    assert bench.caller.settled(answer)["state"] == "succeeded"
    made = [one for one in bench.shop.drafts() if (one["metadata"] or {}).get("external_id") == "web-late"]
    assert len(made) == 1


def test_an_order_whose_placing_is_lost_is_placed_once(bench: Bench) -> None:
    made = bench.caller.create("/v1/orders", order(bench))
    path = f"/admin/draft-orders/{made['meta']['remote_id']}/convert-to-order"
    bench.proxy.lose("POST", path)
    answer = bench.caller.write("PATCH", f"/v1/orders/{made['id']}", {"status": "open"})
    assert bench.caller.settled(answer)["state"] == "succeeded"
    assert bench.proxy.sent("POST", path) == 1
    assert bench.shop.order(made["meta"]["remote_id"])["status"] == "pending"


def test_a_refusal_of_medusa_is_passed_on(bench: Bench) -> None:
    body = order(
        bench, line_items=[{"product": {"connection": "medusa", "variant_remote_id": "variant_none"}, "quantity": "1"}]
    )
    before = len(bench.shop.drafts())
    refused = expect(bench.caller.write("POST", "/v1/orders", body), 422, "vendor-rejected").json()
    assert "variant_none do not exist" in refused["vendor"]["detail"]
    assert len(bench.shop.drafts()) == before


def test_lists_show_drafts_and_orders_page_by_page_and_by_change(bench: Bench) -> None:
    one, other = bench.caller.create("/v1/orders", order(bench)), placed(bench)
    ids: list[str] = []
    query = f"/v1/orders?connection=medusa&limit=3&updated_since={one['updated_at']}"
    while query:
        page = bench.caller.get(query).json()
        ids += [record["id"] for record in page["data"]]
        query = f"{query.partition('&cursor=')[0]}&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert ids.count(one["id"]) == ids.count(other["id"]) == 1
    assert len(ids) == len(set(ids))
    for listed in bench.caller.get("/v1/orders?connection=medusa&limit=100").json()["data"]:
        read = bench.caller.get(f"/v1/orders/{listed['id']}").json()
        assert listed | {"meta": listed["meta"]["loss"]} == read | {"meta": read["meta"]["loss"]}
    drafts = bench.caller.get("/v1/orders?connection=medusa&limit=100&status=draft").json()["data"]
    assert one["id"] in {record["id"] for record in drafts}
    assert {record["status"] for record in drafts} == {"draft"}
