"""What all calls have in common: keys, versions, request ids, idempotency, limits, faults, drift."""

from .conftest import Shop, error


def test_every_answer_has_a_request_id_and_the_version_that_was_asked_for(shop: Shop) -> None:
    answer = shop.http.get("customers", headers={"stripe-version": "2025-03-31.basil"})
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-version"] == "2025-03-31.basil"
    assert shop.http.get("customers").headers["stripe-version"] == "2026-10-28.endive"


def test_the_same_request_with_the_same_key_is_answered_again(shop: Shop) -> None:
    first = shop.post("customers", key="k-1", name="Ann")
    again = shop.post("customers", key="k-1", name="Ann")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["request-id"] != first.headers["request-id"]
    assert len(shop.emulators.records("stripe", "customers")) == 1


def test_another_request_with_the_same_key_is_refused(shop: Shop) -> None:
    shop.post("customers", key="k-1", name="Ann")
    refusal = error(shop.post("customers", key="k-1", name="Bo"))
    assert (refusal["type"], "k-1" in refusal["message"]) == ("idempotency_error", True)


def test_a_request_that_was_wrong_may_be_mended_under_its_key(shop: Shop) -> None:
    assert error(shop.post("customers", key="k-1", colour="red"))["code"] == "parameter_unknown"
    assert shop.post("customers", key="k-1", name="Ann").status_code == 200


def test_a_refusal_by_the_record_s_state_is_remembered(shop: Shop) -> None:
    session = shop.checkout()
    shop.post(f"checkout/sessions/{session.id}/expire")
    assert shop.post(f"checkout/sessions/{session.id}/expire", key="k-1").status_code == 400
    again = shop.post(f"checkout/sessions/{session.id}/expire", key="k-1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (400, "true")


def test_an_error_of_its_own_is_remembered(shop: Shop) -> None:
    fault = {"kind": "status", "status": 500}
    shop.emulators.order(vendor="stripe", match={"path": "/v1/customers"}, fault=fault, times=1)
    assert shop.post("customers", key="k-1", name="Ann").status_code == 500
    again = shop.post("customers", key="k-1", name="Ann")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (500, "true")
    assert shop.http.get("customers").json()["data"] == []
