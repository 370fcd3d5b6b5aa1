"""How Request Tracker says no: by a status, or in a sentence among those of a success."""

import pytest

from mappings.http import RefusalKind
from mappings.rt import VENDOR
from tests.mappings.drafts import reply
from tests.required import required

DONE = (
    "Ticket 1: Subject changed from 'Late parcel' to (no value)",
    "Ticket 1: Due changed from Not set to Tue Dec 01 05:00:00 2026",
    "Ticket 1: Owner changed from Nobody to bea",
    "Ticket 1: Subject changed from 'x' to 'Could not find\nit'",
    "Ticket 1: Owner forcibly changed from bea to otto",
    "Ticket 1: That user already owns that ticket",
    "cc@faden.example is already Cc",
    "Ticket 4: Ticket deleted",
    "Ticket 4: That is already the current value",
    "Added cc@faden.example as Cc for this ticket",
    "livia@faden.example is no longer Requestor for this ticket",
    "Ticket 4 refers to URI lockstitch:key/form-1.",
    "Ticket 4 no longer refers to URI lockstitch:key/form-1.",
    "Ticket 4 member of Ticket 3.",
    "Ticket 4 no longer member of Ticket 3.",
    "Link already exists",
    "Link not found",
    "Matter Breakage added",
    "b added as a value for Labels",
    "a is no longer a value for custom field Labels",
    "Invalid parcel added as a value for Labels",
    "Could not deliver is no longer a value for custom field Labels",
    "Permission slip 7 added",
    "Called at Fri May 01 00:00:00 2026 changed to Not set",
    "Correspondence added",
    "Comments added",
)
COMPLAINTS = (
    "Ticket 1: Status 'nosuch' isn't a valid status for this ticket.",
    "Ticket 1: Due could not be set to 2027-01-12 17:30:00.",
    "Ticket 1: That user does not exist",
    "Ticket 1: That user may not own tickets in that queue",
    "Ticket 1: Permission Denied",
    "Could not find or create user 'x added'",
    "Could not find or create user 'x added as a value for y'",
    "Couldn't resolve '999999' into a link.",
    "Link could not be created: Can't link a ticket to itself",
    "Invalid value for custom field",
    "Custom field value 2026-05-01 04:00:00 could not be found for custom field Called at",
    "One, and only one, of Principal/PrincipalId/User/Group is required",
    "Etwas in einer anderen Sprache",
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "detail"),
    [
        (400, {"message": "Could not create ticket. Queue not set"}, "rejected", "Queue not set"),
        (401, {"message": "Unauthorized"}, "auth", "Unauthorized"),
        (403, {"message": "No permission to create tickets in the queue '7'"}, "not_allowed", "queue '7'"),
        (404, {"message": "Not Found"}, "not_found", "Not Found"),
        (412, {"message": "Precondition Failed"}, "version_conflict", "Precondition Failed"),
        (404, None, "not_allowed", "base URL"),
        (410, None, "not_allowed", "base URL"),
        (405, {"message": "Method Not Allowed"}, "rejected", "Method"),
        (429, None, "throttled", "too many"),
        (500, {"message": "Internal Server Error"}, "unavailable", "Internal"),
        (502, None, "unavailable", "not available"),
        (302, None, "rejected", "base URL"),
    ],
)
def test_each_refusal_has_its_kind(status: int, body: object, kind: RefusalKind, detail: str) -> None:
    refusal = required(VENDOR.refusal(reply(b"<html>" if body is None else body, status)))

    assert refusal.kind == kind
    assert detail in refusal.detail


@pytest.mark.parametrize("sentence", DONE)
def test_a_sentence_of_a_success_is_none_of_a_refusal(sentence: str) -> None:
    assert VENDOR.refusal(reply([sentence])) is None


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_a_complaint_is_never_a_success(complaint: str) -> None:
    alone, among = VENDOR.refusal(reply([complaint])), VENDOR.refusal(reply([DONE[0], complaint, DONE[1]]))

    assert alone is not None
    assert among is not None
    assert alone.detail == complaint.rstrip(".")
    assert among.detail.startswith(alone.detail)
    assert among.detail.endswith("(2 other parts of the change were applied)")
    expected = "not_allowed" if "Denied" in complaint or "may not" in complaint else "rejected"
    assert (alone.kind, among.kind) == (expected, expected)


def test_one_part_that_stands_is_one() -> None:
    refusal = required(VENDOR.refusal(reply([DONE[0], COMPLAINTS[0]])))

    assert refusal.detail.endswith("(1 other part of the change was applied)")


def test_no_sentence_at_all_is_a_change_of_nothing() -> None:
    assert VENDOR.refusal(reply([])) is None
    assert VENDOR.refusal(reply({"items": []})) is None
