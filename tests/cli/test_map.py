"""`lockstitch map`, as somebody at a terminal sees it: what a payload becomes, or where and why it has no reading."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mappings.registry import VENDORS
from tests.commands import lockstitch

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "tests/mappings"


def lockstitch_map(*arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    return lockstitch("map", *arguments, text=text)


def refusal(done: "subprocess.CompletedProcess[str]") -> tuple[str, str]:
    """Path and reason, as a script reads them."""
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    error = json.loads(done.stderr)
    return error["path"], error["reason"]


def record(name: str) -> Any:
    return json.loads((RECORDS / name).read_bytes())


def test_a_revision_is_named_as_everywhere() -> None:
    record_text = (RECORDS / "hubspot/fixtures/customer-consents.in.json").read_text()
    done = lockstitch_map("hubspot.customer@r1", "-", text=record_text)
    assert json.loads(done.stdout)["mapping"]["revision"] == 1


@pytest.mark.parametrize("text", ["{", '{"id": "cus_1", "object": "cust', "\x00"])
def test_a_file_that_breaks_off_is_not_json(text: str) -> None:
    path, reason = refusal(lockstitch_map("stripe.customer", "-", text=text))
    assert (path, reason.startswith("not JSON: ")) == ("$", True), reason


@pytest.mark.parametrize(
    ("revision", "golden"), [("1", "customer-consents.out.json"), ("2", "customer-consents.r2.out.json")]
)
def test_a_record_is_shown_as_its_golden_record_has_it(revision: str, golden: str) -> None:
    account = ("--account", str(RECORDS / "hubspot/fixtures/account.json"))

    done = lockstitch_map(
        "hubspot.customer",
        str(RECORDS / "hubspot/fixtures/customer-consents.in.json"),
        *("--revision", revision, *account),
    )

    assert (done.returncode, done.stderr) == (0, "")
    read, known = json.loads(done.stdout), record(f"hubspot/fixtures/{golden}")
    assert (read["data"], read["loss"]) == (known["data"], known["loss"])
    assert read["mapping"] == {"name": "hubspot.customer", "revision": int(revision), "vendor_api": "v3"}
    assert "order_stats" in read["unsupported"]


def test_standard_input_may_be_the_file() -> None:
    record_text = (RECORDS / "stripe/fixtures/customer-bare.in.json").read_text()

    done = lockstitch_map("stripe.customer", "-", text=record_text)

    assert json.loads(done.stdout)["mapping"]["name"] == "stripe.customer"


def test_several_records_are_shown_when_they_are_asked_for() -> None:
    one = record("stripe/fixtures/customer-bare.in.json")
    page = json.dumps({"object": "list", "has_more": False, "data": [one, one]})

    unasked = lockstitch_map("stripe.customer", "-", text=page)
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "contains 2 records: add --list" in " ".join(unasked.stderr.split())

    read = json.loads(lockstitch_map("stripe.customer", "-", "--list", text=page).stdout)
    assert len(read) == 2


def test_a_list_without_a_record_is_refused() -> None:
    page = json.dumps({"object": "list", "has_more": False, "data": [record("stripe/fixtures/customer-bare.in.json")]})

    assert refusal(lockstitch_map("stripe.order", "-", text=page)) == ("$", "it contains no order")
    assert json.loads(lockstitch_map("stripe.order", "-", "--list", text=page).stdout) == []


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '"text"', "\x00", '{"error": {"type": "api_error"}}', "9" * 50]
)
@pytest.mark.parametrize("mapping", ["stripe.customer", "zendesk.ticket", "woocommerce.order"])
def test_what_is_no_record_is_refused_with_a_path_and_a_reason(mapping: str, text: str) -> None:
    path, reason = refusal(lockstitch_map(mapping, "-", text=text))

    assert path.startswith("$")
    assert reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stripe.invoice", "-"), "Unknown mapping stripe.invoice. Mappings:"),
        (("stripe.customer", "-", "--revision", "9"), "has no revision 9"),
        (("hubspot.customer@r9", "-"), "hubspot.customer has no revision 9. Revisions: r1, r2."),
        (("stripe.customer", "nowhere.json"), "nowhere.json"),
        (("stripe.customer", "-", "--account", "README.md"), "is not a valid stripe account"),
    ],
)
def test_a_mistake_in_the_command_ends_with_2(arguments: tuple[str, ...], message: str) -> None:
    done = lockstitch_map(*arguments, text="{}")

    assert (done.returncode, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_every_mapping_has_a_name_to_ask_by() -> None:
    done = lockstitch_map("acme.customer", "-")

    for vendor in VENDORS.values():
        for mapping in vendor.mappings:
            assert mapping.name in done.stderr
