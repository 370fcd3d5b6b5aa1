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


def lockstitch_map(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return lockstitch("map", *arguments, text=given)


def refusal(done: "subprocess.CompletedProcess[str]") -> tuple[str, str]:
    """Path and reason, as a script reads them."""
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    error = json.loads(done.stderr)
    return error["path"], error["reason"]


def record(name: str) -> Any:
    return json.loads((RECORDS / name).read_bytes())


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
    shown, known = json.loads(done.stdout), record(f"hubspot/fixtures/{golden}")
    assert (shown["data"], shown["loss"]) == (known["data"], known["loss"])
    assert shown["mapping"] == {"name": "hubspot.customer", "revision": int(revision), "vendor_api": "v3"}
    assert "order_stats" in shown["unsupported"]


def test_standard_input_may_be_the_file() -> None:
    given = (RECORDS / "stripe/fixtures/customer-bare.in.json").read_text()

    done = lockstitch_map("stripe.customer", "-", given=given)

    assert json.loads(done.stdout)["mapping"]["name"] == "stripe.customer"


def test_several_records_are_shown_when_they_are_asked_for() -> None:
    one = record("stripe/fixtures/customer-bare.in.json")
    given = json.dumps({"object": "list", "has_more": False, "data": [one, one]})

    unasked = lockstitch_map("stripe.customer", "-", given=given)
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "contains 2 records: add --list" in " ".join(unasked.stderr.split())

    shown = json.loads(lockstitch_map("stripe.customer", "-", "--list", given=given).stdout)
    assert len(shown) == 2


def test_a_list_without_a_record_is_refused() -> None:
    given = json.dumps({"object": "list", "has_more": False, "data": [record("stripe/fixtures/customer-bare.in.json")]})

    assert refusal(lockstitch_map("stripe.order", "-", given=given)) == ("$", "it contains no order")
    assert json.loads(lockstitch_map("stripe.order", "-", "--list", given=given).stdout) == []


@pytest.mark.parametrize(
    "given", ["", "{", "null", "[]", '"text"', "\x00", '{"error": {"type": "api_error"}}', "9" * 50]
)
@pytest.mark.parametrize("mapping", ["stripe.customer", "zendesk.ticket", "woocommerce.order"])
def test_what_is_no_record_is_refused_with_a_path_and_a_reason(mapping: str, given: str) -> None:
    path, reason = refusal(lockstitch_map(mapping, "-", given=given))

    assert path.startswith("$")
    assert reason


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stripe.invoice", "-"), "Unknown mapping stripe.invoice. Mappings:"),
        (("stripe.customer", "-", "--revision", "9"), "has no revision 9"),
        (("stripe.customer", "nowhere.json"), "nowhere.json"),
        (("stripe.customer", "-", "--account", "README.md"), "is not a valid stripe account"),
    ],
)
def test_a_mistake_in_the_command_ends_with_2(arguments: tuple[str, ...], said: str) -> None:
    done = lockstitch_map(*arguments, given="{}")

    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_every_mapping_has_a_name_to_ask_by() -> None:
    done = lockstitch_map("acme.customer", "-")

    for vendor in VENDORS.values():
        for mapping in vendor.mappings:
            assert mapping.name in done.stderr
