"""Users and their identities, as Zendesk's API v2 behaves."""

from typing import Any

import pytest

from tests.contract.callers import expect

from .conftest import Desk, details


def test_a_created_user_is_shown_with_its_defaults_and_headers(desk: Desk) -> None:
    answer = desk.http.post("users.json", json={"user": {"name": "Ida Morrow", "email": "Ida.Morrow@Kettles.Example"}})
    user = answer.json()["user"]
    assert answer.status_code == 201
    assert answer.headers["location"] == user["url"]
    assert {"x-rate-limit", "x-rate-limit-remaining", "ratelimit-reset", "x-request-id"} <= set(answer.headers)
    assert user["id"] > 2**40
    assert user["email"] == "ida.morrow@kettles.example"
    assert (user["role"], user["active"], user["verified"], user["phone"]) == ("end-user", True, False, None)
    assert desk.get(f"users/{user['id']}.json")["user"] == user


@pytest.mark.parametrize(
    ("members", "field", "error"),
    [
        ({"email": "ida@kettles.example"}, "name", "ValueTooShort"),
        ({"name": "Ida", "email": "taken@kettles.example"}, "email", "DuplicateValue"),
        ({"name": "Ida", "email": "TAKEN@kettles.example"}, "email", "DuplicateValue"),
        ({"name": "Ida", "email": "no address"}, "email", "InvalidValue"),
        ({"name": "Ida", "external_id": "k-1"}, "external_id", "DuplicateValue"),
        ({"name": "Ida", "role": "wizard"}, "role", "InvalidValue"),
    ],
)
def test_a_user_that_breaks_a_rule_is_refused(desk: Desk, members: dict[str, Any], field: str, error: str) -> None:
    desk.user("Taken", email="taken@kettles.example", external_id="k-1")
    errors = details(desk.http.post("users", json={"user": members}))
    assert [one["error"] for one in errors[field]] == [error]
    assert len(desk.get("users", role="end-user")["users"]) == 1


@pytest.mark.parametrize("body", [b'{"user": null}', b"{}", b"[]", b'{"user": {"name": "Ida", "verified": "yes"}}'])
def test_a_body_of_the_wrong_shape_gets_400(desk: Desk, body: bytes) -> None:
    answer = expect(desk.http.post("users", content=body), 400).json()
    assert answer["error"]["title"] == "Invalid attribute"


def test_create_or_update_goes_by_external_id_then_by_email(desk: Desk) -> None:
    def upsert(**user: Any) -> tuple[int, dict[str, Any]]:
        answer = desk.http.post("users/create_or_update.json", json={"user": user})
        return answer.status_code, answer.json()["user"]

    status, first = upsert(name="Ida", email="ida@kettles.example", external_id="k-1")
    assert status == 201
    status, by_external_id = upsert(name="Ida M.", external_id="k-1")
    assert (status, by_external_id["id"], by_external_id["name"]) == (200, first["id"], "Ida M.")
    assert by_external_id["email"] == "ida@kettles.example"
    status, by_email = upsert(name="Ida Morrow", email="IDA@kettles.example", external_id="k-2")
    assert (status, by_email["id"], by_email["external_id"]) == (200, first["id"], "k-2")
    assert upsert(name="Other", email="other@kettles.example")[0] == 201


def test_an_update_leaves_what_is_not_given_and_adds_a_new_address(desk: Desk) -> None:
    user = desk.user(email="ida@kettles.example", notes="Likes tea", tags=["Vip", "vip"])
    change = {"name": "Ida M.", "email": "ida@home.example", "phone": "+4930901820", "nonsense": 1}
    answer = desk.http.put(f"users/{user['id']}", json={"user": change})
    changed = answer.json()["user"]
    assert answer.status_code == 200
    assert (changed["name"], changed["notes"], changed["tags"]) == ("Ida M.", "Likes tea", ["vip"])
    assert (changed["phone"], changed["shared_phone_number"]) == ("+4930901820", False)
    # The primary address of a user is not changed by an update: the new one becomes a second identity.
    assert changed["email"] == "ida@kettles.example"
    identities = desk.get(f"users/{user['id']}/identities")["identities"]
    assert [(one["type"], one["value"], one["primary"]) for one in identities] == [
        ("email", "ida@kettles.example", True),
        ("email", "ida@home.example", False),
        ("phone_number", "+4930901820", False),
    ]


def test_a_number_that_is_taken_or_no_e164_is_kept_as_shared(desk: Desk) -> None:
    desk.user(phone="+4930901820")
    for phone in ("+4930901820", "030 / 901820"):
        user = desk.user("Second", phone=phone)
        assert (user["phone"], user["shared_phone_number"]) == (phone, True)
        assert desk.get(f"users/{user['id']}/identities")["identities"] == []


def test_a_deleted_user_stays_without_an_address(desk: Desk) -> None:
    user = desk.user(email="ida@kettles.example", external_id="k-1")
    answer = desk.http.delete(f"users/{user['id']}.json")
    assert (answer.status_code, answer.json()["user"]["active"]) == (200, False)
    read = desk.get(f"users/{user['id']}")["user"]
    assert (read["active"], read["email"], read["name"]) == (False, None, "Ida Morrow")
    assert user["id"] not in [one["id"] for one in desk.get("users")["users"]]
    assert desk.get("users/search", external_id="k-1")["count"] == 0
    details(desk.http.put(f"users/{user['id']}", json={"user": {"name": "Back"}}))
    assert desk.user(email="ida@kettles.example", external_id="k-1")["id"] != user["id"]


def test_a_user_with_an_unclosed_ticket_is_not_deleted(desk: Desk) -> None:
    user = desk.user(email="ida@kettles.example")
    ticket = desk.ticket(requester_id=user["id"])
    assert "1 ticket" in details(desk.http.delete(f"users/{user['id']}"))["base"][0]["description"]
    assert desk.change(ticket, status="closed").status_code == 200
    assert desk.http.delete(f"users/{user['id']}").status_code == 200


def test_show_many_leaves_out_who_is_not_there(desk: Desk) -> None:
    ida, bo = desk.user("Ida", external_id="k-1"), desk.user("Bo", external_id="k-2")
    several = desk.get("users/show_many.json", ids=f"{bo['id']},1,{ida['id']}")
    assert [user["id"] for user in several["users"]] == [bo["id"], ida["id"]]
    assert [user["name"] for user in desk.get("users/show_many", external_ids="k-1,k-9")["users"]] == ["Ida"]
    assert desk.http.get("users/show_many").status_code == 400


def test_an_address_is_added_as_the_primary_one(desk: Desk) -> None:
    user = desk.user(email="ida@kettles.example")
    identity = {"type": "email", "value": "ida@home.example", "primary": True}
    expect(desk.http.post(f"users/{user['id']}/identities", json={"identity": identity}), 201)
    assert desk.get(f"users/{user['id']}")["user"]["email"] == "ida@home.example"
    first, second = desk.get(f"users/{user['id']}/identities")["identities"]
    assert (first["primary"], second["primary"]) == (False, True)


def test_user_fields_are_kept_when_they_are_defined(desk: Desk) -> None:
    desk.emulators.place("zendesk", "user_fields", {"key": "tea", "title": "Tea", "type": "text"})
    user = desk.user(user_fields={"tea": "green", "unknown": "x"})
    assert user["user_fields"] == {"tea": "green"}
    assert desk.user("Second")["user_fields"] == {"tea": None}


def test_search_by_query_lags_and_by_external_id_does_not(desk: Desk) -> None:
    desk.emulators.limit("zendesk", search_lag=3600)
    user = desk.user(email="ida@kettles.example", external_id="k-1")
    assert desk.get("users/search.json", query="ida@kettles.example")["count"] == 0
    assert desk.get("users/search.json", external_id="k-1")["count"] == 1
    desk.emulators.limit("zendesk", search_lag=0)
    for query in ("ida@kettles.example", 'email:"Ida@Kettles.example"', "Ida"):
        assert desk.get("users/search.json", query=query)["count"] == 1, query
    desk.http.put(f"users/{user['id']}", json={"user": {"email": "ida@home.example"}})
    assert desk.get("users/search.json", query='email:"ida@home.example"')["count"] == 1
    assert desk.get("users/search.json", query='email:"ida@home"')["count"] == 0


def test_users_belong_to_organizations_that_exist(desk: Desk) -> None:
    made = desk.emulators.place("zendesk", "organizations", {"name": "Kettles Ltd"})
    assert desk.user(organization_id=made["id"])["organization_id"] == made["id"]
    assert "organization" in details(desk.http.post("users", json={"user": {"name": "X", "organization_id": 7}}))
