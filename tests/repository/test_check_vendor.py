"""`check-vendor` in a copy of the project: it finds what is broken, and names the place."""

import json
import re
from pathlib import Path

import pytest

from tests.commands import exits
from tests.repository.project_copy import lockstitch, report


@pytest.mark.long
def test_a_level_that_is_asked_for_and_not_reached_is_refused(project: Path) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0
    quality = project / "mappings" / "ox" / "quality.toml"

    assert lockstitch(project, "check-vendor", "ox", "--no-types", "--level", "bronze").returncode == 3

    head, rest = quality.read_text("utf-8").split("[silver.write]")
    head = "".join(
        line if not line.startswith(("status", "reason")) else 'status = "done"\n' * line.startswith("status")
        for line in head.splitlines(keepends=True)
    )
    quality.write_text(f"{head}[silver.write]{rest}", "utf-8")
    assert lockstitch(project, "check-vendor", "ox", "--no-types", "--level", "bronze").returncode == 0
    assert report(project, "ox", "--no-types")["reached"] == "bronze"


@pytest.mark.long
def test_done_that_is_not_true_is_refused_with_the_place(project: Path) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0
    quality = project / "mappings" / "ox" / "quality.toml"
    quality.write_text(quality.read_text("utf-8").replace('status = "todo"', 'status = "done"'), "utf-8")
    golden = project / "tests" / "mappings" / "ox" / "fixtures" / "customer-full.out.json"
    golden.write_text(golden.read_text("utf-8").replace("Mira Holm", "Mira Holms"), "utf-8")

    output = " ".join(exits(lockstitch(project, "check-vendor", "ox", "--no-types"), 3).stdout.split())
    assert "bronze.golden is marked done but does not hold: 1 of 2 failed" in output
    assert 'at /data/display_name "Mira Holms" is expected, got "Mira Holm"' in output
    assert "silver.write is marked done but does not hold: no object can be created or changed" in output
    assert "gold.docs-page is marked done but does not hold" in output


@pytest.mark.long
@pytest.mark.parametrize(
    ("test", "reported"),
    [
        ("def test_a_code() -> None:\n    assert 6 * 7 == 41\n", "test_errors.py::test_a_code - assert (6 * 7) == 41"),
        ("import nothing_of_that_name\n", "test_errors.py - ModuleNotFoundError: No module named"),
        ("", "test_errors.py has no tests"),
    ],
    ids=["red", "broken", "empty"],
)
def test_the_rule_on_errors_needs_the_vendors_error_test_to_pass(project: Path, test: str, reported: str) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0
    (project / "tests" / "mappings" / "ox" / "test_errors.py").write_text(test)

    rules = {rule["rule"]: rule for rule in report(project, "ox", "--no-types")["rules"]}

    assert not rules["bronze.errors-classified"]["holds"]
    (failure,) = rules["bronze.errors-classified"]["result"]["failures"]
    assert reported in failure


@pytest.mark.long
def test_what_is_broken_between_two_steps_is_named_with_its_line(project: Path) -> None:
    def output_after(path: str, right: str, wrong: str) -> str:
        file = project / path
        text = file.read_text("utf-8")
        assert right in text
        file.write_text(text.replace(right, wrong), "utf-8")
        checked = lockstitch(project, "check-vendor", "ox", "--no-types")
        file.write_text(text, "utf-8")
        assert "Traceback" not in checked.stderr
        assert checked.returncode == 1, checked.stdout
        return checked.stderr

    assert lockstitch(project, "new-vendor", "ox").returncode == 0

    renamed = output_after("mappings/ox/wire_v1.py", "class CustomerRecord(", "class Person(")
    assert re.match(r"mappings/ox/customer_r1\.py, line \d+, cannot be imported: ImportError: ", renamed)
    slipped = output_after("mappings/ox/wire_v1.py", "id: str", "id str")
    assert re.match(r"mappings/ox/wire_v1\.py, line \d+, cannot be imported: SyntaxError: ", slipped)
    missing = output_after("mappings/ox/customer_r1.py", "    record=CustomerRecord,\n", "")
    assert re.match(r"mappings/ox/customer_r1\.py, line \d+, cannot be imported: TypeError: .*'record'", missing)
    broken_emulator = output_after("emulators/ox/emulator.py", 'OBJECTS = ("customers",)', "OBJECTS =")
    assert "The emulators do not start:" in broken_emulator
    assert "emulators/ox/emulator.py" in broken_emulator

    emulator = project / "emulators" / "ox" / "emulator.py"
    text = emulator.read_text("utf-8")
    assert "page[-1][0]" in text
    emulator.write_text(text.replace("page[-1][0]", "page[99][0]"), "utf-8")
    broke = lockstitch(project, "check-vendor", "ox", "--no-types")
    assert broke.stderr.startswith("The emulator failed on a call:\n")
    assert broke.stderr.endswith("IndexError: list index out of range\n")
    assert "is refused as unavailable" in " ".join(broke.stdout.split())


@pytest.mark.long
@pytest.mark.parametrize(
    ("right", "wrong", "reported"),
    [
        (
            "return decode(reply.body, _Listed).next",
            "return None",
            "ox.customer: the list has 1 record read one by one, but 4 in whole pages",
        ),
        ('(("after", query.after),)', '(("behind", query.after),)', "ox.customer: the list of 4 records does not end"),
        ("updated_since=False", "updated_since=True", None),
    ],
)
def test_a_list_is_read_to_its_end(project: Path, right: str, wrong: str, reported: str | None) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0
    endpoints = project / "mappings" / "ox" / "endpoints.py"
    text = endpoints.read_text("utf-8")
    assert right in text
    endpoints.write_text(text.replace(right, wrong), "utf-8")

    rules = {rule["rule"]: rule for rule in report(project, "ox", "--no-types")["rules"]}

    failures = rules["bronze.emulator"]["result"]["failures"]
    assert [one for one in failures if one.startswith(reported)] if reported is not None else failures == []


@pytest.mark.long
def test_what_was_created_and_is_in_no_list_was_not_read_back(project: Path) -> None:
    listing = project / "mappings" / "hubspot" / "paging.py"
    text = listing.read_text("utf-8")
    full, empty = "return crm.page(reply, query, account)", "return VendorPage(records=(), next=None, account=account)"
    assert full in text
    listing.write_text(text.replace(full, empty), "utf-8")

    checked = exits(lockstitch(project, "check-vendor", "hubspot", "--no-types", "--json"), 3)
    rules = {rule["rule"]: rule for rule in json.loads(checked.stdout)["rules"]}
    assert rules["silver.round-trip"]["result"]["failures"] == [
        f"hubspot.{name}: of 3 new records, the list in pages of 2 has 0" for name in ("customer", "ticket", "order")
    ]


@pytest.mark.long
def test_a_level_is_asked_for_without_what_is_above_it(project: Path) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0

    output = lockstitch(project, "check-vendor", "ox", "--no-types", "--level", "bronze").stdout

    assert "bronze.read is to be done" in output
    assert "silver." not in output
    assert "silver: 5 to go" in output


@pytest.mark.long
def test_golden_records_are_written_down_once(project: Path) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0
    folder = project / "tests" / "mappings" / "ox" / "fixtures"
    (folder / "customer-many.in.json").write_text('{"data": [{"id": "1"}, {"id": "2", "email": "A@example.com"}]}')

    unread = lockstitch(project, "check-vendor", "ox", "--no-types")
    assert "customer-many.in.json has no .out.json" in " ".join(unread.stdout.split())
    written = lockstitch(project, "check-vendor", "ox", "--write-golden")
    assert written.stdout == "written  tests/mappings/ox/fixtures/customer-many.out.json: review every line\n"
    meant = json.loads((folder / "customer-many.out.json").read_bytes())
    assert [one["remote"]["id"] for one in meant] == ["1", "2"]
    assert meant[1]["data"]["emails"][0]["address"] == "a@example.com"
    assert "Delete one to write it again" in lockstitch(project, "check-vendor", "ox", "--write-golden").stdout

    (folder / "customer-odd.in.json").write_text('{"name": "No id"}')
    refused = exits(lockstitch(project, "check-vendor", "ox", "--write-golden"), 3)
    assert refused.stderr == "customer-odd.in.json, $.id: a record of Ox has an id\n"
