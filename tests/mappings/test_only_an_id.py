"""What has an id and says nothing else of an object is refused, at every vendor: it is no empty record."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from canonical.parts import ObjectName
from mappings.checks.golden import account_of, map_payload, records
from mappings.registry import VENDORS, AnyMapping, AnyVendor, active
from mappings.spec import Unmappable
from tests.required import required

ROOT = Path(__file__).parents[2]
EVERY = [(vendor, mapping) for vendor in VENDORS.values() for mapping in vendor.mappings]
TIMES = {"createdAt": "2026-02-03T08:15:30Z", "updatedAt": "2026-02-03T08:15:30Z"}
CONTACT, ACCOUNT, CASE, ORDER, COMMENT = (f"{prefix}dM00001aBcDeQAK" for prefix in ("003", "001", "500", "801", "00a"))
REST_ORDER = {
    "id": 9450000000000044,
    "email": "ann@example.com",
    "tags": "gift",
    "total_price": "58.60",
    "currency": "USD",
    "created_at": "2026-02-10T11:00:05+01:00",
}
PRODUCT = {"id": 11, "title": "Mug", "handle": "mug", "tags": "", "created_at": "2026-02-10T11:00:05+01:00"}
CASES: list[tuple[str, ObjectName, Any]] = [
    ("freshdesk", "customer", {"id": 7}),
    ("freshdesk", "ticket", {"id": 7}),
    ("freshdesk", "comment", {"id": 7}),
    ("freshdesk", "comment", {"conversations": [{"id": 7}]}),
    ("hubspot", "customer", {"id": "51", "properties": {}, **TIMES}),
    ("hubspot", "customer", {"id": "51", "properties": {"hs_object_id": "51", "createdate": "1"}, **TIMES}),
    ("hubspot", "customer", {"results": [{"id": "51", "properties": {"subject": "Foot"}, **TIMES}]}),
    ("hubspot", "ticket", {"id": "51", "properties": {}, **TIMES}),
    ("hubspot", "order", {"id": "51", "properties": {"hs_pipeline": "0", "hs_pipeline_stage": "1"}, **TIMES}),
    ("hubspot", "ticket", {"id": "51", "properties": {"email": "ann@example.com", "phone": "1"}, **TIMES}),
    ("medusa", "customer", {"id": "cus_01J"}),
    ("medusa", "customer", {"customers": [{"id": "cus_01J", "metadata": None}]}),
    ("medusa", "order", {"order": {"id": "order_01J"}}),
    ("rt", "ticket", {"id": 7}),
    ("rt", "comment", {"id": "7"}),
    ("salesforce", "customer", {"Id": CONTACT}),
    ("salesforce", "customer", {"attributes": {"type": "Contact", "url": "/x"}, "Id": CONTACT}),
    ("salesforce", "customer", {"Id": ACCOUNT, "Name": "Faden", "Phone": "1"}),
    ("salesforce", "ticket", {"records": [{"Id": CASE}], "done": True}),
    ("salesforce", "ticket", {"Id": CONTACT, "Subject": "Foot"}),
    ("salesforce", "order", {"Id": ORDER}),
    ("salesforce", "comment", {"Id": COMMENT}),
    ("shopify", "customer", {"id": 7, "admin_graphql_api_id": "gid://shopify/Customer/7"}),
    ("shopify", "customer", {"id": 7, "updated_at": "2026-02-10T11:00:05+01:00"}),
    ("shopify", "customer", PRODUCT),
    ("shopify", "customer", REST_ORDER),
    ("shopify", "customer", {"customers": [PRODUCT]}),
    ("shopify", "order", {"id": 7}),
    ("shopify", "order", PRODUCT),
    ("stripe", "customer", {"id": "cus_1", "object": "customer"}),
    ("stripe", "order", {"id": "in_1", "object": "invoice"}),
    ("woocommerce", "customer", {"id": 7}),
    ("woocommerce", "order", {"id": 7}),
    ("zendesk", "customer", {"user": {"id": 7}}),
    ("zendesk", "ticket", {"tickets": [{"id": 7}]}),
    ("zendesk", "comment", {"comments": [{"id": 7, "author_id": 8}]}),
    ("zendesk", "comment", {"comment": {"id": 7, "author_id": 8}}),
]


def refused(vendor: AnyVendor, mapping: AnyMapping, payload: Any) -> Unmappable:
    with pytest.raises(Unmappable) as refusal:
        map_payload(vendor, mapping, msgspec.json.encode(payload), mapping.account())
    return refusal.value


@pytest.mark.parametrize(("vendor", "object_name", "payload"), CASES)
def test_what_only_has_an_id_is_refused(vendor: str, object_name: ObjectName, payload: Any) -> None:
    refusal = refused(VENDORS[vendor], required(active(VENDORS[vendor], object_name)), payload)

    assert refusal.path.startswith("$")
    assert refusal.reason


@pytest.mark.parametrize(("vendor", "mapping"), EVERY, ids=[f"{vendor.name}-{one.name}" for vendor, one in EVERY])
def test_the_id_of_a_golden_record_alone_is_refused(vendor: AnyVendor, mapping: AnyMapping) -> None:
    tried = 0
    for _, record in records(vendor, mapping, ROOT):
        (one,) = map_payload(vendor, mapping, bytes(record), account_of(vendor, ROOT))
        members = msgspec.json.decode(record).items()
        payload = {name: value for name, value in members if str(value).endswith(one.remote.id)}
        tried += payload != {}
        assert refused(vendor, mapping, payload).reason

    assert tried > 0
