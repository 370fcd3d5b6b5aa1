"""`lockstitch coverage` and `lockstitch check-vendor`, as somebody at a terminal sees them."""

import json
from pathlib import Path

import pytest

from mappings.checks.quality import FILE
from mappings.coverage import coverage, unsupported
from mappings.registry import VENDORS, active
from tests.commands import exits, lockstitch
from tests.required import required

ROOT = Path(__file__).parents[2]
RATED = sorted(name for name in VENDORS if (ROOT / FILE.format(vendor=name)).exists())


@pytest.mark.parametrize("columns", [80, 40, 200])
def test_the_matrix_fits_the_screen_and_names_every_field_and_vendor(columns: int) -> None:
    matrix, _, legend = exits(lockstitch("coverage", "customer", columns=columns)).stdout.rpartition("\n\n")
    assert max(len(line.rstrip()) for line in matrix.splitlines()) <= columns
    assert legend.startswith("R read")
    for vendor in VENDORS.values():
        assert (vendor.title in matrix) == (active(vendor, "customer") is not None)
    rows = [line.split()[0] for line in matrix.splitlines() if line.strip()]
    mapping = required(active(VENDORS["hubspot"], "customer"))
    assert {cell.field for cell in coverage(mapping)} <= set(rows)


def test_a_cell_says_what_the_mapping_does() -> None:
    table = lockstitch("coverage", "ticket", "--vendor", "zendesk").stdout

    cells = {line.split()[0]: "".join(line.split()[1:]) for line in table.splitlines() if line.strip()}
    assert (cells["subject"], cells["orders"], cells["number"]) == ("RCU", "·", "R")
    assert "HubSpot" not in table


def test_as_json_it_has_the_values_that_can_be_written() -> None:
    reported = json.loads(lockstitch("coverage", "--vendor", "zendesk", "--vendor", "hubspot", "--json").stdout)["data"]

    assert {(one["vendor"], one["object"]) for one in reported} == {
        ("zendesk", "customer"),
        ("zendesk", "ticket"),
        ("zendesk", "comment"),
        ("hubspot", "customer"),
        ("hubspot", "order"),
        ("hubspot", "ticket"),
    }
    for one in reported:
        mapping = required(active(VENDORS[one["vendor"]], one["object"]))
        assert one["unsupported"] == list(unsupported(mapping))
        assert [cell["field"] for cell in one["fields"] if not cell["reads"]] == one["unsupported"]
    (status,) = (
        cell
        for one in reported
        if (one["vendor"], one["object"]) == ("zendesk", "customer")
        for cell in one["fields"]
        if cell["field"] == "status"
    )
    assert status["values"] == ["active", "blocked"]


def test_a_vendor_that_there_is_not_is_a_mistake() -> None:
    for command in (("coverage", "--vendor", "acme"), ("check-vendor", "acme"), ("coverage", "invoice")):
        done = exits(lockstitch(*command), 2)
        assert "acme" in done.stderr or "invoice" in done.stderr


def test_the_help_of_a_check_shows_whole_names_and_what_json_adds() -> None:
    text = " ".join(lockstitch("check-vendor", "--help", columns=200).stdout.split())

    assert "OBJECT-CASE.out.json of each OBJECT-CASE.in.json" in text
    assert "Print JSON, with all failures." in text


@pytest.mark.long
@pytest.mark.parametrize("name", RATED)
def test_a_vendor_does_what_it_claims_at_its_emulator(name: str) -> None:
    checked = lockstitch("check-vendor", name, "--no-types", "--json")

    reported = json.loads(checked.stdout)
    assert [rule["complaint"] for rule in reported["rules"] if rule["complaint"]] == []
    assert checked.returncode == 0


@pytest.mark.long
def test_what_is_missing_stands_by_level() -> None:
    checked = exits(lockstitch("check-vendor", "hubspot", "--no-types"))
    table = checked.stdout.partition("\n\n")[0]
    assert max(len(line) for line in table.splitlines()) <= 80
    last = checked.stdout.splitlines()[-4:]
    assert [line.partition(":")[0] for line in last[:3]] == ["bronze", "silver", "gold"]
    assert last[3] == "hubspot has reached silver."
    assert lockstitch("check-vendor", "hubspot", "--no-types", "--level", "silver").returncode == 0
    assert lockstitch("check-vendor", "hubspot", "--no-types", "--level", "gold").returncode == 3
