"""`new-vendor` in a copy of the project: its files are formatted, typed and registered, and their claims are true."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli.vendor.scaffold.files import TEMPLATES, MappedObject, Scaffold, Style, rendered
from app.cli.vendor.scaffold.places import register

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COPIED = ("app", "canonical", "mappings", "emulators", "docs")
TESTS = ("tests/mappings", "tests/emulators", "tests/contract", "tests/peers")
FILES = ("pyproject.toml", "tests/shared_material.py")
# What is computed of bronze, without the types, which have a test of their own.
BRONZE = {"bronze.read", "bronze.golden", "bronze.errors-classified", "bronze.enums-total"}
# By the name of the vendor: the longest names, titles and versions are where lines break.
COMBINATIONS: dict[str, tuple[Style, bool, tuple[MappedObject, ...]]] = {
    "aa": ("rest", False, ("customer",)),
    "bb": ("rest", False, ("customer", "order")),
    "cc": ("rest", True, ("ticket",)),
    "dddddddddddddddd": ("rest", True, ("customer", "order", "ticket")),
    "ee": ("graphql", False, ("order",)),
    "ffffffffffffffff": ("graphql", False, ("customer", "order", "ticket")),
    "gg": ("graphql", True, ("ticket",)),
    "hhhhhhhhhhhhhhhh": ("graphql", True, ("customer", "order")),
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a working copy holds, as far as it is needed here."""
    folder = tmp_path_factory.mktemp("project")
    for part in (*COPIED, *TESTS):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    return folder


@pytest.fixture
def project(pristine: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    return Path(shutil.copytree(pristine, tmp_path / "project"))


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    environment = {**inherited, "COLUMNS": "80", "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def lockstitch(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run(folder, sys.executable, "-m", "app.cli", *arguments)


def report(folder: Path, name: str, *arguments: str) -> dict[str, Any]:
    checked = lockstitch(folder, "check-vendor", name, "--json", *arguments)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    told: dict[str, Any] = json.loads(checked.stdout)
    return told


def assert_clean(folder: Path, *command: str) -> None:
    done = run(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def options(name: str) -> list[str]:
    style, peer, objects = COMBINATIONS[name]
    return [name, "--style", style, "--objects", ",".join(objects), *(["--peer"] if peer else [])]


def files_of(folder: Path, name: str) -> list[str]:
    """What `new-vendor` made for a vendor: folders, and the test of its peer."""
    parts = (f"mappings/{name}", f"emulators/{name}", f"tests/mappings/{name}", f"tests/peers/test_{name}.py")
    return [part for part in parts if (folder / part).exists()]


def assert_bronze(told: dict[str, Any], *, peer: bool) -> None:
    """Every rule of bronze that is computed holds, and what only a person can say is a blank."""
    rules = {rule["rule"]: rule for rule in told["rules"] if rule["level"] == "bronze"}
    computed = {rule: one for rule, one in rules.items() if one["holds"] is not None}
    assert computed.keys() - {"bronze.types"} == (BRONZE if peer else BRONZE | {"bronze.emulator"})
    assert {rule: one["result"]["failures"] for rule, one in computed.items() if not one["holds"]} == {}
    assert rules["bronze.emulator"]["claim"]["status"] == ("exempt" if peer else "todo")
    blanks = {rule for rule, one in rules.items() if one["claim"]["status"] == "todo"}
    assert blanks == set(told["missing"]["bronze"])
    assert blanks >= BRONZE - {"bronze.enums-total"} | {"bronze.peer" if peer else "bronze.emulator"}
    assert all("TO FILL IN" in rules[rule]["claim"]["reason"] for rule in blanks)
    assert told["reached"] is None


def test_a_graphql_vendor_with_two_objects_has_an_emulator(project: Path) -> None:
    made = lockstitch(project, "new-vendor", "ox", "--style", "graphql", "--objects", "order,customer")

    assert made.returncode == 0, made.stderr
    assert files_of(project, "ox") == ["mappings/ox", "emulators/ox", "tests/mappings/ox"]
    mapped = {path.name for path in (project / "mappings" / "ox").glob("*_r1.py")}
    assert mapped == {"customer_r1.py", "order_r1.py"}
    assert "ox reads customers and orders of an invented API." in made.stdout
    assert_bronze(report(project, "ox", "--no-types"), peer=False)


def test_a_vendor_with_a_peer_has_no_emulator(project: Path) -> None:
    emulators = (project / "emulators" / "registry.py").read_text()

    made = lockstitch(project, "new-vendor", "ox", "--peer", "--objects", "order")

    assert made.returncode == 0, made.stderr
    assert files_of(project, "ox") == ["mappings/ox", "tests/mappings/ox", "tests/peers/test_ox.py"]
    assert (project / "emulators" / "registry.py").read_text() == emulators
    assert "emulators.ox" not in (project / "pyproject.toml").read_text()
    for script in ("setup", "start"):
        refused = run(project, str(project / "tests" / "peers" / "ox" / script), str(project / "cache"), "8000")
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"TO FILL IN: tests/peers/ox/{script} does not ")
    assert_bronze(report(project, "ox", "--no-types"), peer=True)


@pytest.mark.long
def test_every_combination_needs_nothing_but_its_blanks_filled(project: Path) -> None:
    title = ("--title", "Sixteen Letters1", "--api", "v2026abc")
    for name in COMBINATIONS:
        made = lockstitch(project, "new-vendor", *options(name), *title)
        assert made.returncode == 0, made.stderr
        assert "By hand" not in made.stdout

    made_files = [file for name in COMBINATIONS for file in files_of(project, name)]
    places = ["mappings/registry.py", "emulators/registry.py"]
    assert_clean(project, str(BIN / "ruff"), "check", *made_files, *places)
    assert_clean(project, str(BIN / "ruff"), "format", "--check", *made_files, *places)
    assert_clean(project, str(BIN / "mypy"), *made_files)
    assert_clean(project, str(BIN / "lint-imports"))
    assert_clean(project, sys.executable, "-m", "mappings.coverage_table", "--check")
    tests = [f"tests/mappings/{name}" for name in COMBINATIONS] + ["tests/mappings/test_checks.py"]
    chosen = ("-k", " or ".join(COMBINATIONS))
    assert_clean(project, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests, *chosen)
    for name, (_, peer, _) in COMBINATIONS.items():
        assert_bronze(report(project, name, "--no-types"), peer=peer)


@pytest.mark.long
def test_the_types_of_a_new_vendor_are_checked(project: Path) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0

    types = {rule["rule"]: rule for rule in report(project, "ox")["rules"]}["bronze.types"]

    assert types["holds"]
    assert types["result"]["cases"] == 3


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

    checked = lockstitch(project, "check-vendor", "ox", "--no-types")

    assert checked.returncode == 3
    said = " ".join(checked.stdout.split())
    assert "bronze.golden is marked done but does not hold: 1 of 2 failed" in said
    assert 'at /data/display_name "Mira Holms" is expected, got "Mira Holm"' in said
    assert "silver.write is marked done but does not hold: no object can be created or changed" in said
    assert "gold.docs-page is marked done but does not hold" in said


@pytest.mark.long
@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("def test_a_code() -> None:\n    assert 6 * 7 == 41\n", "test_errors.py::test_a_code - assert (6 * 7) == 41"),
        ("import nothing_of_that_name\n", "test_errors.py - ModuleNotFoundError: No module named"),
        ("", "test_errors.py has no tests"),
    ],
    ids=["red", "broken", "empty"],
)
def test_errors_are_not_classified_while_the_vendors_own_test_of_them_is_red(
    project: Path, test: str, told: str
) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0
    (project / "tests" / "mappings" / "ox" / "test_errors.py").write_text(test)

    rules = {rule["rule"]: rule for rule in report(project, "ox", "--no-types")["rules"]}

    assert not rules["bronze.errors-classified"]["holds"]
    (failure,) = rules["bronze.errors-classified"]["result"]["failures"]
    assert told in failure


@pytest.mark.long
def test_what_is_broken_between_two_steps_is_named_with_its_line(project: Path) -> None:
    def said(path: str, right: str, wrong: str) -> str:
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

    renamed = said("mappings/ox/wire_v1.py", "class CustomerRecord(", "class Person(")
    assert re.match(r"mappings/ox/customer_r1\.py, line \d+, cannot be imported: ImportError: ", renamed)
    slipped = said("mappings/ox/wire_v1.py", "id: str", "id str")
    assert re.match(r"mappings/ox/wire_v1\.py, line \d+, cannot be imported: SyntaxError: ", slipped)
    missing = said("mappings/ox/customer_r1.py", "    patch=CustomerPatch,\n", "")
    assert re.match(r"mappings/ox/customer_r1\.py, line \d+, cannot be imported: TypeError: .*'patch'", missing)
    told = said("emulators/ox/emulator.py", 'OBJECTS = ("customers",)', "OBJECTS =")
    assert "The emulators do not start:" in told
    assert "emulators/ox/emulator.py" in told

    emulator = project / "emulators" / "ox" / "emulator.py"
    emulator.write_text(emulator.read_text("utf-8").replace("shown[-1][0]", "shown[99][0]"), "utf-8")
    broke = lockstitch(project, "check-vendor", "ox", "--no-types")
    assert broke.stderr.startswith("The emulator failed on a call:\n")
    assert broke.stderr.endswith("IndexError: list index out of range\n")
    assert "is refused as unavailable" in " ".join(broke.stdout.split())


@pytest.mark.long
@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (
            "return decode(reply.body, _Listed).next",
            "return None",
            "ox.customer: the list has 1 records read one by one, but 4 in whole pages",
        ),
        ('(("after", query.after),)', '(("behind", query.after),)', "ox.customer: the list of 4 records does not end"),
        ("updated_since=False", "updated_since=True", None),
    ],
)
def test_a_list_is_read_to_its_end(project: Path, right: str, wrong: str, told: str | None) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0
    endpoints = project / "mappings" / "ox" / "endpoints.py"
    text = endpoints.read_text("utf-8")
    assert right in text
    endpoints.write_text(text.replace(right, wrong), "utf-8")

    rules = {rule["rule"]: rule for rule in report(project, "ox", "--no-types")["rules"]}

    failures = rules["bronze.emulator"]["result"]["failures"]
    assert [one for one in failures if one.startswith(told)] if told is not None else failures == []


@pytest.mark.long
def test_what_was_created_and_is_in_no_list_was_not_read_back(project: Path) -> None:
    listing = project / "mappings" / "hubspot" / "paging.py"
    text = listing.read_text("utf-8")
    full, empty = "return crm.page(reply, query, account)", "return VendorPage(records=(), next=None, account=account)"
    assert full in text
    listing.write_text(text.replace(full, empty), "utf-8")

    checked = lockstitch(project, "check-vendor", "hubspot", "--no-types", "--json")

    assert checked.returncode == 3, checked.stderr
    rules = {rule["rule"]: rule for rule in json.loads(checked.stdout)["rules"]}
    assert rules["silver.round-trip"]["result"]["failures"] == [
        "hubspot.customer: the created record is not in the list",
        "hubspot.ticket: the created record is not in the list",
    ]


@pytest.mark.long
def test_a_level_is_asked_for_without_what_is_above_it(project: Path) -> None:
    assert lockstitch(project, "new-vendor", "ox").returncode == 0

    asked = lockstitch(project, "check-vendor", "ox", "--no-types", "--level", "bronze").stdout

    assert "bronze.read is to be done" in asked
    assert "silver." not in asked
    assert "silver: 5 to go" in asked


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
    refused = lockstitch(project, "check-vendor", "ox", "--write-golden")
    assert refused.returncode == 3
    assert refused.stderr == "customer-odd.in.json, $.id: a record of Ox has an id\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("hubspot",), 2, "hubspot already exists: run lockstitch check-vendor hubspot"),
        (("github",), 2, "already receives webhooks"),
        (("registry",), 2, "is a module of the project"),
        (("class",), 2, "not a Python keyword"),
        (("Big-Shop",), 2, "2 to 16 lower-case letters"),
        (("ox", "--title", 'O"x'), 2, "The title must be up to 16"),
        (("ox", "--api", "2026-07"), 2, "The API version"),
        (
            ("ox", "--objects", "customer,invoice"),
            2,
            "Unknown object 'invoice'. --objects takes customer, order, ticket",
        ),
    ],
)
def test_a_name_that_cannot_be_is_refused(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = lockstitch(ROOT, "new-vendor", *arguments)

    assert done.returncode == code
    assert said in done.stderr


def test_nothing_that_is_there_is_overwritten(project: Path) -> None:
    page = project / "docs" / "vendors" / "ox.md"
    page.write_text("Mine.")

    done = lockstitch(project, "new-vendor", "ox")

    assert done.returncode == 3
    assert done.stderr == "Nothing was created. These files already exist: docs/vendors/ox.md\n"
    assert page.read_text() == "Mine."
    assert not (project / "mappings" / "ox").exists()


def test_a_place_that_looks_otherwise_is_left_to_a_person(project: Path) -> None:
    registry = project / "emulators" / "registry.py"
    registry.write_text("EMULATORS = found_by_magic()\n")

    steps = {step: done for _, done, step in register(project, "ox")}

    assert steps.pop("import emulators.ox and add it to EMULATORS") is False
    assert all(steps.values())
    assert registry.read_text() == "EMULATORS = found_by_magic()\n"


def test_places_are_edited_once_however_often(project: Path) -> None:
    def texts() -> list[str]:
        return [
            (project / one).read_text() for one in ("mappings/registry.py", "emulators/registry.py", "pyproject.toml")
        ]

    assert all(done for _, done, _ in register(project, "ox"))
    once = texts()
    assert all(done for _, done, _ in register(project, "ox"))
    assert texts() == once


def test_every_condition_of_a_template_is_known() -> None:
    text = "\n".join(file.read_text("utf-8") for file in TEMPLATES.rglob("*.tmpl"))
    conditions = {word for line in re.findall(r"^%.*", text, re.MULTILINE) for word in re.findall(r"%([a-z]+)", line)}
    assert conditions <= {"each", *(folder.name for folder in TEMPLATES.iterdir())}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_no_word_and_no_condition_of_a_template_is_left(name: str) -> None:
    style, peer, objects = COMBINATIONS[name]
    files = list(rendered(Scaffold(name="ox", title="Ox", objects=objects, style=style, peer=peer)))

    assert len({path for path, _ in files}) == len(files)
    for path, text in files:
        left = re.findall(r"^%|__(?!init__|name__)[A-Za-z]+__", f"{path}\n{text}", re.MULTILINE)
        assert left == [], path
