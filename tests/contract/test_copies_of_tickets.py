"""A ticket is copied with its words, its requester and its comments: each once, and none to where it came from."""

import json
from typing import Any

from tests.contract.callers import Caller, expect
from tests.contract.copying import copy
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.portability import decided
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, all_vendors, create_record
from tests.contract.waiting import until

running_facade, full_key = own_facade(all_vendors)


def comments(caller: Caller, made: dict[str, Any], connection: str) -> list[tuple[str, str]]:
    """The texts of the comments of a ticket there, oldest first."""
    page = caller.get(f"/v1/tickets/{made['id']}/comments?connection={connection}").json()
    return [(one["body_text"], one["visibility"]) for one in page["data"]]


def test_a_ticket_takes_its_comments_along(caller: Caller) -> None:
    path, made = create_record(caller, SAMPLES["zendesk ticket"])
    for text, visibility in (("On its way.", "public"), ("Broken in the store.", "private")):
        caller.create(f"{path}/comments", {"body_text": text, "visibility": visibility})
    expect(copy(caller, made, "salesforce"), 201)
    assert comments(caller, made, "salesforce") == []

    answer = copy(caller, made, "freshdesk", include=["comments"])
    result = caller.settled(answer)["result"] if answer.status_code == 202 else answer.json()
    assert result["id"] == made["id"]
    assert "/notify" in [one["path"] for one in result["meta"]["loss"]]
    wanted = [("On its way.", "public"), ("Broken in the store.", "private")]
    until(lambda: comments(caller, made, "freshdesk"), lambda replies: len(replies) == len(wanted))
    assert comments(caller, made, "freshdesk") == wanted

    caller.create(f"{path}/comments", {"body_text": "It has arrived.", "visibility": "public"})
    copied = expect(copy(caller, made, "freshdesk", include=["comments"], notify=True)).json()
    assert "/notify" not in [one["path"] for one in copied["meta"]["loss"]]
    wanted.append(("It has arrived.", "public"))
    until(lambda: comments(caller, made, "freshdesk"), lambda replies: len(replies) == len(wanted))
    assert comments(caller, made, "freshdesk") == wanted

    back = caller.write("POST", f"/v1/tickets/{made['id']}/copies?connection=freshdesk", {"connection": "zendesk"})
    assert decided(caller, back).json()["meta"]["skipped"] == []


def test_a_copied_comment_goes_no_further_than_its_original(facade: Facade, caller: Caller) -> None:
    _, made = create_record(caller, SAMPLES["zendesk ticket"])

    def say(connection: str, text: str) -> None:
        body = {"body_text": text, "visibility": "public"}
        caller.create(f"/v1/tickets/{made['id']}/comments?connection={connection}", body)

    def carry(source: str, target: str, *wanted: str) -> None:
        path = f"/v1/tickets/{made['id']}/copies?connection={source}"
        answer = decided(caller, caller.write("POST", path, {"connection": target, "include": ["comments"]}))
        assert answer.status_code in (200, 201), answer.text
        until(lambda: comments(caller, made, target), lambda there: {text for text, _ in there} >= {*wanted})

    say("zendesk", "On its way.")
    carry("zendesk", "salesforce", "On its way.")
    say("salesforce", "Lost.")
    carry("salesforce", "zendesk", "On its way.", "Lost.")
    carry("zendesk", "salesforce", "On its way.", "Lost.")
    carry("salesforce", "freshdesk", "On its way.", "Lost.")
    carry("zendesk", "freshdesk", "On its way.", "Lost.")
    say("zendesk", "Found.")  # the last one: all others have been decided when it arrives
    carry("zendesk", "freshdesk", "On its way.", "Lost.", "Found.")
    carry("freshdesk", "salesforce", "On its way.", "Lost.", "Found.")
    for place in ("zendesk", "salesforce", "freshdesk"):
        texts = [text for text, _ in comments(caller, made, place) if text != made["description"]]
        assert sorted(texts) == ["Found.", "Lost.", "On its way."], place

    split = facade.lockstitch("links", "split", made["id"], "salesforce", "--json")
    made = {"id": json.loads(split.stdout)["split_id"]}
    carry("salesforce", "zendesk", "On its way.", "Lost.", "Found.")  # to a new ticket, which has none of them


def test_a_comment_that_is_undecided_is_not_copied_back_before_it_is_known(facade: Facade, caller: Caller) -> None:
    _, made = create_record(caller, SAMPLES["zendesk ticket"])
    path = f"/v1/tickets/{made['id']}"
    caller.create(f"{path}/comments?connection=zendesk", {"body_text": "Sent.", "visibility": "public"})
    copy(caller, made, "freshdesk", include=["comments"])
    of_copy = "SELECT copy, operation FROM copied_comment WHERE copy IS NOT NULL ORDER BY created_at DESC LIMIT 1"
    until(lambda: comments(caller, made, "freshdesk"), lambda replies: len(replies) == 1)
    (noted,) = until(lambda: facade.sql(of_copy), bool)
    facade.sql("UPDATE copied_comment SET copy = NULL WHERE operation = $1", noted["operation"])
    facade.sql("UPDATE operation SET phase = 'unknown', outcome = NULL WHERE id = $1", noted["operation"])
    caller.create(f"{path}/comments?connection=freshdesk", {"body_text": "Thanks.", "visibility": "public"})
    back = {"connection": "zendesk", "include": ["comments"]}
    decided(caller, caller.write("POST", f"{path}/copies?connection=freshdesk", back))
    waiting = "SELECT FROM job WHERE kind = 'copy_comments' AND attempts > 0 AND state <> 'running'"
    until(lambda: facade.sql(waiting), bool)
    facade.sql("UPDATE copied_comment SET copy = $2 WHERE operation = $1", noted["operation"], noted["copy"])
    facade.sql("UPDATE operation SET phase = 'settled', outcome = 'succeeded' WHERE id = $1", noted["operation"])
    there = until(lambda: comments(caller, made, "zendesk"), lambda replies: ("Thanks.", "public") in replies)
    assert [text for text, _ in there if text != made["description"]] == ["Sent.", "Thanks."]


def test_a_ticket_goes_without_its_comments_where_there_are_none(caller: Caller) -> None:
    path, made = create_record(caller, SAMPLES["zendesk ticket"])
    caller.create(f"{path}/comments", {"body_text": "On its way.", "visibility": "public"})
    answer = expect(copy(caller, made, "hubspot", include=["comments"]), 201).json()
    assert ["/comments", "dropped"] in [[one["path"], one["kind"]] for one in answer["meta"]["loss"]]
    plain = copy(caller, made, "hubspot")
    assert "/comments" not in [one["path"] for one in plain.json()["meta"]["loss"]]


def test_a_change_whose_reply_is_lost_reports_its_messages(caller: Caller, vendors: Emulators) -> None:
    path, made = create_record(caller, SAMPLES["zendesk ticket"])
    copy(caller, made, "freshdesk")
    caller.write("PATCH", path, {"subject": "Both mugs"})
    vendors.lose_reply("freshdesk", method="PUT")
    answer = copy(caller, made, "freshdesk", fields=["subject"])
    assert vendors.standing_faults() == []
    result = caller.settled(answer)["result"] if answer.status_code == 202 else answer.json()
    assert result["subject"] == "Both mugs"
    assert "/notify" in [one["path"] for one in result["meta"]["loss"]]


def test_a_copy_that_a_person_resolves_reports_its_loss(facade: Facade, caller: Caller, vendors: Emulators) -> None:
    """Freshdesk's list lacks the ticket, although it was sent once more. Nothing else is created meanwhile, also under
    another id."""
    _, older = create_record(caller, SAMPLES["hubspot ticket"])
    _, made = create_record(caller, SAMPLES["zendesk ticket"])
    create_record(caller, SAMPLES["freshdesk ticket"])  # so that the losses do not look like a vendor that is down
    facade.worker.stop()
    try:
        vendors.break_("freshdesk", "reset", method="POST", path="/api/v2/tickets")
        answer = expect(copy(caller, made, "freshdesk"), 202)
        facade.sql(
            "UPDATE operation SET absent_at = now() - interval '3 hours', resent_at = now() WHERE id = $1",
            answer.json()["id"],
        )
    finally:
        facade.worker.start()
    assert caller.settled(answer)["state"] == "unknown"
    for joined in (False, True):
        if joined:
            assert facade.lockstitch("links", "join", older["id"], made["id"]).returncode == 0
        second = expect(copy(caller, made, "freshdesk"), 409, "outcome-unknown").json()
        assert second["operation_id"] == answer.json()["id"]
    ticket = vendors.place("freshdesk", "tickets", {"subject": made["subject"]})
    resolution = {"outcome": "succeeded", "remote_id": str(ticket["id"])}
    result = caller.post(f"{answer.headers['location']}/resolve", json=resolution).json()["result"]
    assert result["id"] == older["id"]
    assert "/notify" in [one["path"] for one in result["meta"]["loss"]]


def test_a_ticket_is_copied_back_with_the_same_words(caller: Caller) -> None:
    body = SAMPLES["zendesk ticket"].body(word()) | {"description": "In two pieces.\n\nPlease send another."}
    made = caller.create("/v1/tickets?connection=zendesk", body)
    there = copy(caller, made, "freshdesk").json()
    assert there["description_html"] is not None
    path = f"/v1/tickets/{made['id']}/copies?connection=freshdesk"
    back = expect(caller.write("POST", path, {"connection": "zendesk"})).json()
    assert back["description"] == body["description"]


def test_a_copied_ticket_follows_its_requester(caller: Caller, vendors: Emulators) -> None:
    made = caller.create("/v1/tickets?connection=freshdesk", SAMPLES["freshdesk ticket"].body(word()))
    expect(copy(caller, made, "zendesk"), 201)
    mark = word()
    other = {"email": f"{mark}@example.com", "name": f"Ada {mark}"}
    expect(caller.write("PATCH", f"/v1/tickets/{made['id']}", {"requester": other}))
    there = expect(copy(caller, made, "zendesk")).json()
    assert other.items() <= there["requester"].items()
    (person,) = vendors.records("zendesk", "users", holding=mark)
    (stored,) = vendors.records("zendesk", "tickets", holding=made["subject"])
    assert stored["requester_id"] == person["id"]
