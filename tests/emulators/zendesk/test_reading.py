"""Paging and the incremental exports, as Zendesk's API v2 behaves."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import Desk


def pages(desk: Desk, path: str, params: dict[str, str | int]) -> Iterator[dict[str, Any]]:
    page = desk.get(path, **params)
    yield page
    while page["meta"]["has_more"]:
        page = desk.get(page["links"]["next"])
        yield page


def test_cursor_pages_show_every_record_once(desk: Desk) -> None:
    made = [desk.ticket(f"No. {number}")["id"] for number in range(5)]
    read = list(pages(desk, "tickets", {"page[size]": 2, "include": "users"}))
    assert [[ticket["id"] for ticket in page["tickets"]] for page in read] == [made[:2], made[2:4], made[4:]]
    assert all(page["users"] for page in read)
    assert read[-1]["meta"]["after_cursor"] is not None
    back = desk.get(read[2]["links"]["prev"])
    assert [ticket["id"] for ticket in back["tickets"]] == made[2:4]
    later = desk.ticket("Later")["id"]
    resumed = desk.get("tickets", **{"page[size]": 2, "page[after]": read[-1]["meta"]["after_cursor"]})
    assert [ticket["id"] for ticket in resumed["tickets"]] == [later]


def test_offset_pages_tell_the_count_and_the_neighbours(desk: Desk) -> None:
    made = [desk.ticket(f"No. {number}")["id"] for number in range(5)]
    page = desk.get("tickets.json", per_page=2, page=2)
    assert [ticket["id"] for ticket in page["tickets"]] == made[2:4]
    assert page["count"] == 5
    assert parse_qs(urlsplit(page["next_page"]).query) == {"per_page": ["2"], "page": ["3"]}
    assert desk.get(page["previous_page"])["previous_page"] is None
    assert desk.get("tickets.json", per_page=2, page=3)["next_page"] is None
    assert desk.http.get("tickets", params={"page": 102}).status_code == 400


@pytest.mark.parametrize("cursor", ["!", "bm90IGpzb24=", "e30="])
def test_a_cursor_that_is_none_gets_400(desk: Desk, cursor: str) -> None:
    assert desk.http.get("tickets", params={"page[after]": cursor}).status_code == 400


def test_the_cursor_export_gives_every_write_once(desk: Desk) -> None:
    made = [desk.ticket(f"No. {number}") for number in range(5)]
    first = desk.get("incremental/tickets/cursor.json", start_time=0, per_page=3, include="users")
    assert [ticket["id"] for ticket in first["tickets"]] == [ticket["id"] for ticket in made[:3]]
    assert (first["end_of_stream"], bool(first["users"])) == (False, True)
    second = desk.get(first["after_url"])
    assert [ticket["id"] for ticket in second["tickets"]] == [ticket["id"] for ticket in made[3:]]
    assert second["end_of_stream"] is True
    assert desk.get("incremental/tickets/cursor", cursor=second["after_cursor"])["tickets"] == []
    desk.change(made[0], priority="low")
    third = desk.get("incremental/tickets/cursor", cursor=second["after_cursor"])
    assert [ticket["id"] for ticket in third["tickets"]] == [made[0]["id"]]


def test_the_user_export_includes_the_deleted(desk: Desk) -> None:
    user = desk.user(email="ida@kettles.example")
    desk.http.delete(f"users/{user['id']}")
    exported = {one["id"]: one for one in desk.get("incremental/users/cursor", start_time=0)["users"]}
    assert exported[user["id"]]["active"] is False


def test_an_export_leaves_out_the_last_seconds(desk: Desk) -> None:
    desk.ticket()
    desk.emulators.limit("zendesk", search_lag=3600)
    late = desk.get("incremental/tickets/cursor", start_time=0)
    assert (late["tickets"], late["end_of_stream"]) == ([], True)


def test_an_export_begins_in_the_past(desk: Desk) -> None:
    recent = desk.http.get("incremental/tickets/cursor", params={"start_time": 9_999_999_999})
    assert (recent.status_code, recent.json()["error"]) == (422, "InvalidValue")
    assert desk.http.get("incremental/tickets/cursor").status_code == 400


def test_any_payload_can_be_placed_and_is_read_as_it_is(desk: Desk) -> None:
    odd = desk.emulators.place("zendesk", "tickets", {"id": 77, "tags": None, "status": "limbo", "external_id": 5})
    desk.emulators.place("zendesk", "tickets", {"id": "seventy-eight"})
    assert desk.get("tickets/77")["ticket"] == odd
    assert {one["id"] for one in desk.get("tickets")["tickets"]} == {77, "seventy-eight"}
    assert [one["id"] for one in desk.get("tickets", external_id="5")["tickets"]] == [77]
    user = desk.emulators.place("zendesk", "users", {"name": "Placed", "email": "Placed@Kettles.Example"})
    assert desk.get(f"users/{user['id']}")["user"]["email"] == "Placed@Kettles.Example"
    assert desk.http.post("users", json={"user": {"name": "X", "email": "placed@kettles.example"}}).status_code == 422
    comment = desk.emulators.place("zendesk", "comments", {"ticket_id": 77, "body": "Placed", "public": False})
    assert desk.get("tickets/77/comments")["comments"] == [comment]
