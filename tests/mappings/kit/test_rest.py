"""A REST object from one declaration: slash-terminated paths, replies without a record, what is below a record."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw, Struct, UnsetType

from mappings.endpoints import Action, ListQuery
from mappings.http import VendorReply, VendorRequest
from mappings.kit import markers
from mappings.kit.paging import Offsets
from mappings.kit.rest import Collection, bare, get, member, next_numbered, wrapped
from mappings.spec import VendorDrift
from tests.required import required


class Account(Struct, frozen=True, kw_only=True):
    """No facts."""


class Body(Struct, frozen=True, kw_only=True):
    """A write."""

    name: str | UnsetType = UNSET
    custom_fields: dict[str, str] | UnsetType = UNSET


MARKED = markers.MarkedField(name="operation")
PAGING = Offsets(ask=lambda offset, rows: (("offset", str(offset)),), id=member("uuid"), of=str, most=50)


def leads(**more: Any) -> Collection[Body, Account]:
    return Collection(path="/api/leads", paging=PAGING, mark=MARKED.mark, carries=MARKED.carries, **more)


def reply(body: Any) -> VendorReply:
    return VendorReply(status=200, headers={}, body=msgspec.json.encode(body))


def test_paths_end_with_a_slash_where_the_vendor_needs_it() -> None:
    slashed, account = leads(slash=True), Account()

    requests = (
        slashed.listed(()),
        slashed.read("a/b", account),
        slashed.create(Body(), "op_1", None, account),
        slashed.update("7", Body(), "op_1", account),
        slashed.read_below("7", "comments"),
    )

    assert [(one.path, one.route) for one in requests] == [
        ("/api/leads/", "/api/leads/"),
        ("/api/leads/a%2Fb/", "/api/leads/{id}/"),
        ("/api/leads/", "/api/leads/"),
        ("/api/leads/7/", "/api/leads/{id}/"),
        ("/api/leads/7/comments/", "/api/leads/{id}/comments/"),
    ]
    assert leads().read_below("7", "comments").path == "/api/leads/7/comments"


@pytest.mark.parametrize(("action", "created"), [("create", True), ("update", None), ("archive", None)])
def test_a_write_may_be_answered_without_its_record(action: Action, created: bool | None) -> None:
    silent = leads(unanswered=frozenset({"create", "update", "archive"}))

    result = silent.write_result(reply({"error": False, "message": "Lead created"}), action)

    assert (result.remote_id, result.record, result.created) == (None, None, created)


def test_a_key_may_be_looked_up_by_a_request_of_its_own() -> None:
    search = VendorRequest(method="POST", path="/api/search", route="/api/search", body=b"{}")
    contacts = leads(keys={"email": lambda value: search, "external_id": lambda value: (("key", value),)})
    query = ListQuery(limit=5, filters={"email": "ann@example.com"})

    assert contacts.find("email", "ann@example.com") == contacts.list(query, Account()) == search
    assert contacts.find("external_id", "7").query == (("key", "7"),)


def test_a_reply_that_should_have_a_record_and_has_none_is_drift() -> None:
    with pytest.raises(VendorDrift):
        leads(records=wrapped("lead", "leads")).write_result(reply({"message": "created"}), "create")


def test_the_marker_is_in_a_custom_field_beside_the_others() -> None:
    created = leads().create(Body(name="Ann", custom_fields={"tier": "gold"}), "op_1", None, Account())
    sent = msgspec.json.decode(created.body or b"")

    assert sent == {"name": "Ann", "custom_fields": {"tier": "gold", "operation": "op_1"}}
    assert MARKED.carries(Raw(created.body or b""), "op_1")
    for other in (b"{}", b'{"custom_fields":null}', b'{"custom_fields":{"operation":null}}'):
        assert not MARKED.carries(Raw(other), "op_1")
    assert leads().marked(reply({"uuid": "7"}), "op_1") is None


def test_a_numbered_request_is_followed_to_the_next_page() -> None:
    first = get("/tickets", ("page", "1"), ("q", "x"))

    second = required(next_numbered(first, more=True))

    assert second.query == (("page", "2"), ("q", "x"))
    assert next_numbered(first, more=False) is None
    assert next_numbered(get("/tickets", ("q", "x")), more=True) is None


def test_an_id_is_read_from_the_member_that_holds_it() -> None:
    assert member("uuid")(Raw(b'{"uuid":"a-1","id":3}')) == "a-1"
    assert member("number")(Raw(b'{"number":4711}')) == "4711"
    with pytest.raises(VendorDrift):
        member("uuid")(Raw(b'{"id":3}'))
    assert bare(reply([{"uuid": "a"}]))
    assert isinstance(get("/x"), VendorRequest)
