"""Writing customers to Zendesk: only what was sent, and nothing that it cannot hold."""

from typing import Any

import msgspec
import pytest

from canonical.customer import Customer, CustomerPatch
from mappings.spec import Draft, Mapped
from mappings.zendesk.customer_r1 import CUSTOMER
from mappings.zendesk.wire_v2 import Account, User, UserWrite
from tests.mappings.drafts import on_the_wire, refused
from tests.required import required

from .conftest import FIXTURES, Desk, read_any, with_everybody

ENDPOINTS = CUSTOMER.endpoints


def drafted(patch: dict[str, Any], account: Account, current: User | None = None) -> Draft[UserWrite]:
    return CUSTOMER.to_vendor(msgspec.convert(patch, CustomerPatch), current, account)


@pytest.fixture(scope="module")
def livia(account: Account) -> User:
    """A user who has everything."""
    answer = (FIXTURES / "customer-full.in.json").read_bytes()
    return CUSTOMER.decode(msgspec.json.decode(answer, type=dict[str, msgspec.Raw])["user"])


def read_back(zendesk: Desk, remote_id: str, account: Account) -> Mapped[Customer]:
    answer = zendesk.must(required(ENDPOINTS.read)(remote_id, account))
    record, known = ENDPOINTS.record(answer, with_everybody(answer.body, account))
    return read_any(bytes(required(record)), CUSTOMER, known)


def create(zendesk: Desk, patch: dict[str, Any], account: Account, marker: str = "op_1") -> str:
    draft = drafted(patch, account)
    assert draft.refused == ()
    result = required(ENDPOINTS.write_result)(
        zendesk.must(required(ENDPOINTS.create)(draft.body, marker, None, account)), "create"
    )
    assert result.created
    return required(result.remote_id)


def update(zendesk: Desk, remote_id: str, patch: dict[str, Any], account: Account) -> None:
    record, known = ENDPOINTS.record(zendesk.must(required(ENDPOINTS.read)(remote_id, account)), account)
    draft = drafted(patch, known, CUSTOMER.decode(required(record)))
    assert draft.refused == ()
    zendesk.must(required(ENDPOINTS.update)(remote_id, draft.body, "op_2", known))


@pytest.mark.parametrize(
    ("patch", "wire"),
    [
        ({}, {}),
        ({"display_name": "L. Keller"}, {"name": "L. Keller"}),
        ({"phones": [{"e164": "+41446681801"}]}, {"phone": "+41446681801"}),
        ({"phones": None}, {"phone": None}),
        ({"phones": []}, {"phone": None}),
        ({"language": "fr-CH"}, {"locale": "fr-CH"}),
        ({"timezone": "Asia/Tokyo"}, {"time_zone": "Asia/Tokyo"}),
        ({"notes": "New"}, {"notes": "New"}),
        ({"notes": None}, {"notes": None}),
        ({"tags": ["VIP", "vip", "new"]}, {"tags": ["vip", "new"]}),
        ({"tags": None}, {"tags": []}),
        ({"status": "blocked"}, {"suspended": True}),
        ({"status": "active"}, {"suspended": False}),
        ({"external_id": "shop-1"}, {"external_id": "shop-1"}),
        ({"external_id": None}, {"external_id": None}),
        ({"kind": "person"}, {}),
        ({"emails": [{"address": "LIVIA.keller@faden.example", "type": "unknown"}]}, {}),
        (
            {"custom_fields": [{"key": "length", "value": 3}]},
            {
                "user_fields": {
                    "seam_length": 3,
                    "favourite_stitches": [],
                    "renewal_day": None,
                    "visited_at": None,
                    "newsletter": None,
                    "tier": None,
                }
            },
        ),
        (
            {"custom_fields": None},
            {
                "user_fields": {
                    "seam_length": None,
                    "favourite_stitches": [],
                    "renewal_day": None,
                    "visited_at": None,
                    "newsletter": None,
                    "tier": None,
                }
            },
        ),
    ],
)
def test_an_update_sends_what_was_sent_and_nothing_else(
    patch: dict[str, Any], wire: dict[str, Any], livia: User, account: Account
) -> None:
    draft = drafted(patch, account, livia)

    assert draft.refused == ()
    assert on_the_wire(draft.body) == wire


def test_a_change_leaves_everything_else_as_it_is(zendesk: Desk, account: Account) -> None:
    remote_id = create(
        zendesk,
        {"display_name": "Livia", "emails": [{"address": "livia@faden.example"}], "tags": ["vip"], "notes": "Thread"},
        account,
    )
    before = zendesk.state.get("users", remote_id)
    zendesk.now += 10

    update(zendesk, remote_id, {"notes": None}, account)

    after = required(zendesk.state.get("users", remote_id))
    assert {name for name in after if after[name] != required(before)[name]} == {"notes", "updated_at"}


@pytest.mark.parametrize(
    ("patch", "kinds"),
    [
        ({"display_name": None}, {"/display_name": "invalid"}),
        ({"display_name": " "}, {"/display_name": "invalid"}),
        ({"emails": None}, {"/emails": "unsupported"}),
        ({"emails": [{"address": "other@faden.example"}]}, {"/emails/0/address": "unsupported"}),
        ({"emails": [{"address": "no address"}]}, {"/emails/0/address": "invalid"}),
        (
            {"emails": [{"address": "a@faden.example"}, {"address": "livia.keller@faden.example", "is_primary": True}]},
            {"/emails/0": "unsupported"},
        ),
        (
            {"emails": [{"address": "livia.keller@faden.example", "type": "work", "status": "bounced"}]},
            {"/emails/0/type": "unsupported", "/emails/0/status": "unsupported"},
        ),
        ({"phones": [{"e164": "+41446681800"}, {"raw": "12"}]}, {"/phones/1": "unsupported"}),
        ({"phones": [{"e164": "12"}]}, {"/phones/0/e164": "invalid"}),
        ({"phones": [{}]}, {"/phones/0": "invalid"}),
        ({"phones": [{"raw": "12", "type": "fax"}]}, {"/phones/0/type": "unsupported"}),
        ({"language": None}, {"/language": "invalid"}),
        ({"language": "not a language"}, {"/language": "invalid"}),
        ({"timezone": "Bern"}, {"/timezone": "invalid"}),
        ({"tags": ["two words", "ok", "", "a,b"]}, {"/tags/2": "invalid"}),
        ({"external_id": "lockstitch:op_1"}, {"/external_id": "invalid"}),
        ({"external_id": "a,b"}, {"/external_id": "invalid"}),
        ({"kind": "organization"}, {"/kind": "unsupported"}),
        ({"custom_fields": [{"key": "shoe_size", "value": 1}]}, {"/custom_fields/0/key": "unsupported"}),
        ({"custom_fields": [{"key": "length", "value": "3"}]}, {"/custom_fields/0/value": "invalid"}),
        ({"job_title": "Tailor"}, {"/job_title": "unsupported"}),
        ({"addresses": []}, {"/addresses": "unsupported"}),
    ],
)
def test_what_zendesk_cannot_hold_is_refused_with_a_reason(
    patch: dict[str, Any], kinds: dict[str, str], livia: User, account: Account
) -> None:
    draft = drafted(patch, account, livia)

    assert refused(draft) == kinds
    assert all(len(refusal.detail) > 10 for refusal in draft.refused)


def test_an_unknown_custom_field_is_answered_with_those_there_are(account: Account) -> None:
    draft = drafted({"display_name": "Livia", "custom_fields": [{"key": "shoe_size", "value": 1}]}, account)

    (refusal,) = draft.refused
    assert "length, stitches, renewal" in refusal.detail


@pytest.mark.parametrize(
    ("patch", "wire", "lost"),
    [
        ({"first_name": "Lia", "last_name": "Kern"}, {"name": "Lia Kern"}, {"/first_name", "/last_name"}),
        ({"first_name": "Lia"}, {"name": "Lia Keller"}, {"/first_name"}),
        ({"last_name": None}, {"name": "Livia"}, set()),
        ({"first_name": "Livia"}, {}, {"/first_name"}),
        ({"display_name": "Livia M. Keller", "first_name": "Livia"}, {"name": "Livia M. Keller"}, {"/first_name"}),
        ({"display_name": "Lia", "first_name": "Livia"}, {"name": "Lia"}, {"/first_name"}),
        # Of a record that is sent back, the name that was changed counts.
        ({"display_name": "Livia Keller", "first_name": "Lia"}, {"name": "Lia Keller"}, {"/first_name"}),
    ],
)
def test_two_names_make_one(
    patch: dict[str, Any], wire: dict[str, str], lost: set[str], livia: User, account: Account
) -> None:
    draft = drafted(patch, account, msgspec.structs.replace(livia, name="Livia Keller"))

    assert (draft.refused, on_the_wire(draft.body)) == ((), wire)
    assert {(loss.path, loss.kind) for loss in draft.loss} == {(path, "coerced") for path in lost}


def test_tags_become_single_words(account: Account) -> None:
    draft = drafted({"display_name": "Livia", "tags": ["Two words", "ok", "a, b"]}, account)

    assert (draft.refused, draft.body.tags) == ((), ("two_words", "ok", "a_b"))
    assert {(loss.path, loss.kind) for loss in draft.loss} == {("/tags/0", "coerced"), ("/tags/2", "coerced")}


def test_a_nameless_customer_is_named_by_address_and_reported(zendesk: Desk, account: Account) -> None:
    patch = {"emails": [{"address": "Mira@Faden.example"}]}

    remote_id = create(zendesk, patch, account)

    assert read_back(zendesk, remote_id, account).data.display_name == "mira@faden.example"
    losses = {(loss.path, loss.kind) for loss in drafted(patch, account).loss}
    assert losses == {("/display_name", "defaulted"), ("/emails/0/address", "coerced")}


def test_an_address_can_be_given_to_a_user_who_has_none(zendesk: Desk, account: Account) -> None:
    remote_id = create(zendesk, {"display_name": "Mira"}, account)

    update(zendesk, remote_id, {"emails": [{"address": "mira@faden.example"}]}, account)

    assert [email.address for email in read_back(zendesk, remote_id, account).data.emails] == ["mira@faden.example"]


def test_an_archived_customer_reads_as_archived(zendesk: Desk, account: Account) -> None:
    remote_id = create(zendesk, {"display_name": "Mira", "emails": [{"address": "mira@faden.example"}]}, account)

    result = required(ENDPOINTS.write_result)(zendesk.must(required(ENDPOINTS.archive)(remote_id, account)), "archive")

    assert result.remote_id == remote_id
    gone = read_back(zendesk, remote_id, account).data
    assert (gone.status, gone.status_raw, gone.display_name, gone.emails) == ("archived", "inactive", "Mira", ())
