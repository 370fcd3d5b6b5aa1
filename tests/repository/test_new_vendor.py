"""`new-vendor` in a copy of the project: its files are formatted, typed and registered, and their claims are true."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli.vendor.scaffold.files import TEMPLATES, MappedObject, Scaffold, Style, rendered
from app.cli.vendor.scaffold.places import register
from tests.commands import exits
from tests.commands import lockstitch as here
from tests.repository.project_copy import lockstitch, report, run

BIN = Path(sys.executable).parent
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


def assert_clean(folder: Path, *command: str) -> None:
    exits(run(folder, *command))


def options(name: str) -> list[str]:
    style, peer, objects = COMBINATIONS[name]
    return [name, "--style", style, "--objects", ",".join(objects), *(["--peer"] if peer else [])]


def files_of(folder: Path, name: str) -> list[str]:
    """What `new-vendor` made for a vendor: folders, and the test of its peer."""
    parts = (f"mappings/{name}", f"emulators/{name}", f"tests/mappings/{name}", f"tests/peers/test_{name}.py")
    return [part for part in parts if (folder / part).exists()]


def assert_bronze(reported: dict[str, Any], *, peer: bool) -> None:
    """Every rule of bronze that is computed holds, and what only a person can say is a blank."""
    rules = {rule["rule"]: rule for rule in reported["rules"] if rule["level"] == "bronze"}
    computed = {rule: one for rule, one in rules.items() if one["holds"] is not None}
    assert computed.keys() - {"bronze.types"} == (BRONZE if peer else BRONZE | {"bronze.emulator"})
    assert {rule: one["result"]["failures"] for rule, one in computed.items() if not one["holds"]} == {}
    assert rules["bronze.emulator"]["claim"]["status"] == ("exempt" if peer else "todo")
    blanks = {rule for rule, one in rules.items() if one["claim"]["status"] == "todo"}
    assert blanks == set(reported["missing"]["bronze"])
    assert blanks >= BRONZE - {"bronze.enums-total"} | {"bronze.peer" if peer else "bronze.emulator"}
    assert all("TO FILL IN" in rules[rule]["claim"]["reason"] for rule in blanks)
    assert reported["reached"] is None


def test_a_graphql_vendor_with_two_objects_has_an_emulator(project: Path) -> None:
    made = exits(lockstitch(project, "new-vendor", "ox", "--style", "graphql", "--objects", "order,customer"))
    assert files_of(project, "ox") == ["mappings/ox", "emulators/ox", "tests/mappings/ox"]
    mapped = {path.name for path in (project / "mappings" / "ox").glob("*_r1.py")}
    assert mapped == {"customer_r1.py", "order_r1.py"}
    assert "ox reads customers and orders of an invented API." in made.stdout
    assert_bronze(report(project, "ox", "--no-types"), peer=False)


def test_a_vendor_with_a_peer_has_no_emulator(project: Path) -> None:
    emulators = (project / "emulators" / "registry.py").read_text()

    exits(lockstitch(project, "new-vendor", "ox", "--peer", "--objects", "order"))
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
        made = exits(lockstitch(project, "new-vendor", *options(name), *title))
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


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
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
def test_a_name_that_cannot_be_is_refused(arguments: tuple[str, ...], code: int, message: str) -> None:
    done = here("new-vendor", *arguments)

    assert done.returncode == code
    assert message in done.stderr


def test_nothing_that_is_there_is_overwritten(project: Path) -> None:
    page = project / "docs" / "vendors" / "ox.md"
    page.write_text("Mine.")

    done = exits(lockstitch(project, "new-vendor", "ox"), 3)
    assert done.stderr == "Nothing was created. These files already exist: docs/vendors/ox.md\n"
    assert page.read_text() == "Mine."
    assert not (project / "mappings" / "ox").exists()


def test_a_place_that_looks_otherwise_is_left_to_a_person(project: Path) -> None:
    registry = project / "emulators" / "registry.py"
    registry.write_text("EMULATORS = found_by_magic()\n")

    steps = {step: done for _, done, step in register(project, "ox", "Ox")}

    assert steps.pop("import emulators.ox and add it to EMULATORS") is False
    assert all(steps.values())
    assert registry.read_text() == "EMULATORS = found_by_magic()\n"


def test_places_are_edited_once_however_often(project: Path) -> None:
    def texts() -> list[str]:
        return [(project / one).read_text() for one in places]

    places = ("mappings/registry.py", "emulators/registry.py", "pyproject.toml", "docs/index.md", "mkdocs.yml")

    assert all(done for _, done, _ in register(project, "ox", "Ox"))
    once = texts()
    assert all(done for _, done, _ in register(project, "ox", "Ox"))
    assert texts() == once
    assert "[Medusa](vendors/medusa.md), [Ox](vendors/ox.md), [Request" in " ".join(once[3].split())
    assert " vendors/medusa.md, vendors/ox.md, vendors/rt.md, " in " ".join(once[4].split())
    assert len(re.findall(r"vendors/\w+\.md", once[3])) == len(re.findall(r"vendors/\w+\.md", once[4]))


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
