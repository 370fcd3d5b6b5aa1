"""The advice of a refusal names only what the connection can do."""

import pytest

from app.records.refusals import problem_of_refusal
from app.vendors.models import Connection, VendorRefused
from mappings.http import VendorRefusal
from mappings.registry import VENDORS, active


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_duplicate_advises_an_upsert_only_where_there_is_one(vendor: str) -> None:
    refusal = VendorRefusal(kind="duplicate", detail="it is taken")
    connection = Connection(name="here", vendor=VENDORS[vendor])
    problem = problem_of_refusal(connection, VendorRefused("here", 409, refusal))
    customers = active(VENDORS[vendor], "customer")
    finds = customers is not None and "email" in {*customers.endpoints.upsert, *customers.endpoints.find}
    assert ("upsert_on=email" in (problem.next_step or "")) == finds
    assert "PATCH the record that has it" in (problem.next_step or "")


def test_some_vendors_have_no_upsert_by_address() -> None:
    """So the test above has both cases."""
    told = {
        "upsert_on"
        in (
            problem_of_refusal(
                Connection(name="here", vendor=VENDORS[vendor]),
                VendorRefused("here", 409, VendorRefusal(kind="duplicate", detail="it is taken")),
            ).next_step
            or ""
        )
        for vendor in VENDORS
    }
    assert told == {True, False}
