"""The advice of a refusal names only what the connection can do."""

from typing import Any

import pytest

from app.errors import DuplicateRecord
from app.records.refusals import problem_of_refusal
from app.vendors.models import Connection, VendorRefused
from canonical.parts import ObjectName
from mappings.http import VendorRefusal
from mappings.registry import VENDORS, active

OBJECTS: tuple[ObjectName, ...] = ("customer", "order", "ticket")


def advice(vendor: str, object_name: ObjectName, field: str = "", **written: Any) -> str:
    """The next step after the vendor refused a record as a duplicate."""
    refusal = VendorRefusal(kind="duplicate", detail="it is taken", fields=((field, "is taken"),))
    refused = VendorRefused("here", 409, refusal)
    problem = problem_of_refusal(Connection(name="here", vendor=VENDORS[vendor]), refused, object_name, **written)
    return problem.next_step or ""


@pytest.mark.parametrize("object_name", OBJECTS)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_duplicate_advises_an_upsert_only_where_there_is_one(vendor: str, object_name: ObjectName) -> None:
    mapping = active(VENDORS[vendor], object_name)
    keys = set() if mapping is None else {*mapping.endpoints.upsert, *mapping.endpoints.find}
    advised = advice(vendor, object_name)
    assert ("upsert_on=email" in advised) == ("email" in keys)
    assert ("upsert_on=external_id" in advised) == ("external_id" in keys and "email" not in keys)
    assert (f"update a {object_name} by" in advised) == bool(keys & {"email", "external_id"})
    assert "PATCH the record that has it" in advised


def test_some_connections_have_no_upsert() -> None:
    """So the test above has both cases."""
    assert {"upsert_on" in advice(vendor, one) for vendor in VENDORS for one in OBJECTS} == {True, False}


@pytest.mark.parametrize(
    ("written", "advised"),
    [
        ({}, "To create or update a customer by e-mail address, use ?upsert_on=email."),
        ({"matched_on": "email"}, "To create or update a customer by external id, use ?upsert_on=external_id."),
        ({"is_copy": True}, 'To copy to the customer that has the same e-mail address, use "match_on": "email".'),
        (
            {"is_copy": True, "matched_on": "email"},
            'To copy to the customer that has the same external id, use "match_on": "external_id".',
        ),
        ({"field": "input.phone"}, ""),
        ({"field": "input.phone", "is_copy": True}, ""),
    ],
)
def test_the_advice_after_a_duplicate_is_what_helps_this_write(written: dict[str, Any], advised: str) -> None:
    assert advice("shopify", "customer", **written) == f"{DuplicateRecord.next_step} {advised}".strip()
