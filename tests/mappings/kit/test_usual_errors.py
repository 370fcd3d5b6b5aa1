"""Error bodies in the usual forms are read without a line of the vendor's own."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.http import VendorReply
from mappings.kit.refusals import Refusals, complaint, limits
from tests.required import required

REFUSALS = Refusals(vendor="Deskbell", codes={"taken": "duplicate"}, request_id=("x-request-id",))


def refused(status: int, body: Any, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return required(REFUSALS.usual(VendorReply(status=status, headers=named, body=msgspec.json.encode(body))))


@pytest.mark.parametrize(
    ("body", "code", "message", "fields"),
    [
        ({"error": {"code": "taken", "message": "Taken."}}, "taken", "Taken.", ()),
        ({"code": "taken", "message": "Taken."}, "taken", "Taken.", ()),
        ({"type": "about:blank", "title": "No", "detail": "Not here."}, "about:blank", "Not here.", ()),
        # Rails
        ({"errors": {"email": ["is taken", "is odd"]}}, None, "is taken; is odd", (("email", "is taken; is odd"),)),
        ({"error": "Not found"}, "Not found", "Not found", ()),
        ({"message": "Email is odd", "attributes": ["email"]}, None, "Email is odd", (("email", "Email is odd"),)),
        ({"errors": ["Name is missing"]}, None, "Name is missing", ()),
        ({"errors": [{"field": "name", "message": "missing"}]}, None, "missing", (("name", "missing"),)),
        # Django
        ({"detail": "Not found."}, None, "Not found.", ()),
        ({"email": ["Enter an address."]}, None, "Enter an address.", (("email", "Enter an address."),)),
        ({"non_field_errors": ["Both are needed."]}, None, "Both are needed.", ()),
        ({"error": True, "errors": {"name": ["Required."]}}, None, "Required.", (("name", "Required."),)),
        ("no object", None, None, ()),
    ],
)
def test_a_usual_body_is_read(body: Any, code: str | None, message: str | None, fields: tuple[Any, ...]) -> None:
    problem = complaint(msgspec.json.encode(body))

    assert (problem.code, problem.message, problem.fields) == (code, message, fields)


def test_the_refusal_has_kind_detail_fields_and_request_id() -> None:
    one = refused(422, {"code": "taken", "message": "Taken.", "errors": {"email": ["is taken"]}}, x_request_id="r-1")

    assert (one.kind, one.code, one.detail, one.fields) == ("duplicate", "taken", "Taken.", (("email", "is taken"),))
    assert one.request_id == "r-1"
    assert refused(422, {"message": "Email has already been taken", "attributes": ["email"]}).kind == "duplicate"
    assert refused(422, {"errors": {"email": ["has already been taken"], "name": ["is odd"]}}).kind == "duplicate"
    assert refused(404, {"message": "Email has already been taken"}).kind == "not_found"
    assert refused(404, {"detail": "Not found."}).kind == "not_found"
    assert refused(503, "<html>").detail == "the service is not available"
    assert REFUSALS.usual(VendorReply(status=201, headers={}, body=b'{"errors":{}}')) is None


@given(status=st.integers(300, 599), body=st.binary(max_size=60))
def test_no_body_makes_it_raise(status: int, body: bytes) -> None:
    assert REFUSALS.usual(VendorReply(status=status, headers={}, body=body)) is not None


def test_the_limit_is_read_from_the_first_header_that_is_there() -> None:
    budget = limits("left", "x-left", reset="wait")

    left = required(budget(VendorReply(status=200, headers={"x-left": "7", "wait": "3"}, body=b"")))

    assert (left.remaining, left.reset_after) == (7, 3)
    assert budget(VendorReply(status=200, headers={"left": "many"}, body=b"")) is None
    assert budget(VendorReply(status=200, headers={}, body=b"")) is None
