"""The advice of a refusal names only what the connection can do."""

import pytest

from app.records.refusals import problem_of_refusal
from app.vendors.models import Connection, VendorRefused
from canonical.parts import ObjectName
from mappings.http import VendorRefusal
from mappings.registry import VENDORS, active

OBJECTS: tuple[ObjectName, ...] = ("customer", "order", "ticket")


def advice(vendor: str, object_name: ObjectName) -> str:
    """The next step after the vendor refused a record as a duplicate."""
    refused = VendorRefused("here", 409, VendorRefusal(kind="duplicate", detail="it is taken"))
    problem = problem_of_refusal(Connection(name="here", vendor=VENDORS[vendor]), refused, object_name)
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
