"""What any vendor's refusals have in common: every status and every body is understood, and nothing breaks that."""

import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.http import CATEGORY_OF, VendorReply
from mappings.registry import VENDORS, AnyVendor
from tests.required import required

MEMBERS = {
    "freshdesk": "errors code message description field additional_info user_id",
    "hubspot": "message category correlationId policyName errors context status propertyName",
    "medusa": "type message code",
    "rt": "message items id",
    "salesforce": "errorCode message fields body errors success statusCode matchResults error",
    "shopify": "data errors extensions path message code customer orderCreate userErrors cost throttleStatus",
    "stripe": "error type code message param decline_code",
    "woocommerce": "code error message data params status",
    "zendesk": "error description message details title",
}
"""The members that a vendor's folder reads; others read `USUAL`."""
USUAL = "error code message"
WHOLE: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "freshdesk": (lambda some: {"errors": [{"code": "duplicate_value", "field": "email", "additional_info": some}]},),
    "hubspot": (
        lambda some: {"message": f"Property values were not valid: {some}"},
        lambda some: {"message": f"Existing ID: {some}"},
        lambda some: {"message": f"PropertyValueCoordinates{{ {some} already has that value"},
        lambda some: {"errors": [{"message": "no", "context": some}]},
    ),
    "salesforce": (
        lambda some: {"compositeResponse": [{"body": some, "httpStatusCode": 400, "referenceId": "r"}]},
        lambda some: [{"errorCode": "DUPLICATES_DETECTED", "message": "no", "duplicateResut": some}],
    ),
    "shopify": (
        lambda some: {"data": {"customer": some}, "errors": [{"path": some, "extensions": some}], "extensions": some},
        lambda some: {"data": {"orderCreate": {"order": None, "userErrors": [{"message": "no", "field": some}]}}},
    ),
    "stripe": (lambda some: {"error": some},),
    "zendesk": (lambda some: {"error": some, "details": some},),
}
"""Bodies that are read further, with anything at all in one place."""
SUCCESS = {
    "freshdesk": b'{"id":1}',
    "hubspot": b'{"id":"1","properties":{}}',
    "medusa": b'{"customer":{"id":"cus_1"}}',
    "rt": b'{"id":"1","type":"ticket"}',
    "salesforce": b'{"id":"003dM00001aBcDeQAK","success":true,"errors":[]}',
    "shopify": b'{"data":{"customerCreate":{"customer":{"id":"x"},"userErrors":[]}}}',
    "stripe": b'{"id":"cus_1","object":"customer"}',
    "woocommerce": b'{"id":7}',
    "zendesk": b'{"ticket":{"id":1}}',
}
HEADER_NAMES = (
    "retry-after content-type link etag x-request-id x-ratelimit-remaining x-ratelimit-total ratelimit-remaining "
    "ratelimit-reset x-rate-limit-remaining sforce-limit-info x-hubspot-ratelimit-interval-milliseconds "
    "x-hubspot-ratelimit-max x-hubspot-ratelimit-remaining idempotent-replayed"
)
HEADERS = st.dictionaries(
    st.sampled_from(HEADER_NAMES.split()), st.text(max_size=20) | st.integers().map(str) | st.floats().map(str)
)
vendors = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)


def bodies(name: str) -> st.SearchStrategy[bytes]:
    """Any bytes, any JSON of the members that the vendor's folder reads, and what is read further."""
    some = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(MEMBERS.get(name, USUAL).split()) | st.text(max_size=8), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
    return st.one_of(
        st.binary(max_size=200),
        some.map(msgspec.json.encode),
        *(some.map(whole).map(msgspec.json.encode) for whole in WHOLE.get(name, ())),
    )


BODIES = {name: bodies(name) for name in VENDORS}


def check(vendor: AnyVendor, answer: VendorReply) -> None:
    """Any answer yields a usable refusal and budget."""
    budget, refusal = vendor.budget(answer), vendor.refusal(answer)
    assert budget is None or budget.remaining >= 0
    if refusal is None:
        assert 200 <= answer.status < 300
        return
    assert refusal.category == CATEGORY_OF[refusal.kind]
    assert 0 < len(refusal.detail) <= 1000
    assert refusal.existing_remote_id is None or refusal.existing_remote_id.isalnum()
    assert refusal.retry_after is None or (math.isfinite(refusal.retry_after) and refusal.retry_after >= 0)


@vendors
@given(data=st.data(), status=st.integers(100, 599), headers=HEADERS)
def test_no_answer_breaks_the_reading(
    vendor: AnyVendor, data: st.DataObject, status: int, headers: dict[str, str]
) -> None:
    check(vendor, VendorReply(status=status, headers=headers, body=data.draw(BODIES[vendor.name])))


@vendors
@pytest.mark.parametrize("status", [200, 422, 500])
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 20_000, b'{"data":' * 20_000])
def test_nesting_without_end_is_understood(vendor: AnyVendor, status: int, body: bytes) -> None:
    check(vendor, VendorReply(status=status, headers={}, body=body))


@pytest.mark.parametrize("name", SUCCESS)
def test_a_success_is_no_refusal(name: str) -> None:
    for status in (200, 201):
        assert VENDORS[name].refusal(VendorReply(status=status, headers={}, body=SUCCESS[name])) is None
    if name != "shopify":  # each of its answers is GraphQL
        assert VENDORS[name].refusal(VendorReply(status=204, headers={}, body=b"")) is None


@vendors
def test_a_page_of_a_proxy_is_understood_by_its_status(vendor: AnyVendor) -> None:
    body = b"<html><h1>502</h1>ann@example.com</html>"
    refusal = required(vendor.refusal(VendorReply(status=502, headers={"content-type": "text/html"}, body=body)))

    assert (refusal.kind, refusal.code) == ("unavailable", None)
    assert "ann@" not in refusal.detail


@pytest.mark.parametrize("name", sorted(VENDORS.keys() - {"rt", "salesforce"}))  # these send no Retry-After
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("0", 0.0), ("-1", None), ("soon", None), ("nan", None), ("1e400", None)],
)
def test_retry_after_is_a_number_of_seconds_or_nothing(name: str, header: str, seconds: float | None) -> None:
    refusal = required(VENDORS[name].refusal(VendorReply(status=429, headers={"retry-after": header}, body=b"")))

    assert (refusal.kind, refusal.retry_after) == ("throttled", seconds)
