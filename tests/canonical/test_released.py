"""The released copies: a copy of the package is changed, judged and released through the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from canonical.released import FOLDER, OBJECTS, judge, schemas_of
from canonical.schema import ROOTS
from tests.commands import exits, lockstitch

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("object_name", OBJECTS)
def test_nothing_breaks_what_is_released(object_name: str) -> None:
    assert judge(object_name).breaches == ()


def test_every_schema_belongs_to_one_contract_and_is_released() -> None:
    assert sorted(name for one in OBJECTS for name in schemas_of(one)) == sorted(ROOTS)
    assert {path.name.partition(".")[0] for path in FOLDER.iterdir()} == set(ROOTS)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages that the command needs, to be changed; with what is compiled, which saves half a second of CPU."""
    for package in ("app", "canonical", "mappings"):
        shutil.copytree(ROOT / package, tmp_path / package)
    return tmp_path


def contract(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "app.cli", "contract", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def show(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return lockstitch("contract", "show", *arguments)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_a_breaking_change_is_refused_with_the_next_step(copy: Path) -> None:
    change(copy / "canonical" / "ticket.py", '"urgent"', '"pressing"')

    checked, released = contract(copy, "check"), contract(copy, "release")

    assert checked.returncode == released.returncode == 3
    assert "ticket: priority: value-removed: was 'urgent', is gone." in checked.stderr
    assert "Restore the value. Add a new name for it as a further value." in checked.stderr
    assert "customer 1.0.0: as released in 1.0.0" in checked.stdout
    assert b"urgent" in (copy / "canonical" / "released" / "ticket.v1.json").read_bytes()


def test_a_schema_that_is_gone_is_refused(copy: Path) -> None:
    change(copy / "canonical" / "schema.py", '    "order-cancel": OrderCancel,\n', "")

    checked = exits(contract(copy, "check", "order"), 3)
    assert "order-cancel: schema-removed" in checked.stderr


def test_a_compatible_change_is_released_once_the_version_is_raised(copy: Path) -> None:
    change(copy / "canonical" / "ticket.py", '"urgent"', '"urgent", "drastic"')

    checked, unraised = contract(copy, "check", "ticket"), contract(copy, "release", "ticket")
    assert checked.returncode == 0
    assert "compatible with 1.0.0" in checked.stdout
    assert unraised.returncode == 3
    assert "raise version to 1.1.0" in unraised.stderr

    change(copy / "canonical" / "contracts" / "ticket.toml", 'version = "1.0.0"', 'version = "1.1.0"')
    exits(contract(copy, "release", "ticket"))
    assert contract(copy, "check", "ticket").stdout == "ticket 1.1.0: as released in 1.1.0\n"

    change(copy / "canonical" / "ticket.py", ', "drastic"', "")
    assert "value-removed" in contract(copy, "check", "ticket").stderr


def test_a_sentence_may_be_worded_better_once_somebody_says_so(copy: Path) -> None:
    old, new = "Labels of the ticket, in no particular order.", "Labels of the ticket, without an order."
    change(copy / "canonical" / "ticket.py", old, new)
    refused = exits(contract(copy, "check", "ticket"), 3)
    assert refused.stderr.count("meaning-changed") == 2
    assert "[[rewordings]]" in refused.stderr

    with (copy / "canonical" / "contracts" / "ticket.toml").open("a", encoding="utf-8") as sink:
        for schema in ("ticket", "ticket-write"):
            sink.write(f'\n[[rewordings]]\nschema = "{schema}"\nfield = "tags"\nsentence = "{new}"\nwhy = "Plainer."\n')
    assert contract(copy, "check", "ticket").returncode == 0

    change(copy / "canonical" / "ticket.py", new, "Labels, the most important one first.")
    assert contract(copy, "check", "ticket").returncode == 3


def test_show_prints_the_contract() -> None:
    printed = exits(show("order"))
    for part in ("order 1.0.0, as released in 1.0.0", "Owners", "Guarantees", "Changes", "Incidents"):
        assert part in printed.stdout
    assert max(len(line) for line in printed.stdout.splitlines()) <= 80

    shown_contract = json.loads(show("order", "--json").stdout)
    assert shown_contract["contract"]["object"] == "order"
    assert shown_contract["since_release"]["breaches"] == []
    listing = json.loads(show("--json").stdout)
    assert [one["contract"]["object"] for one in listing["data"]] == [*OBJECTS]
    assert (listing["data"][1], listing["has_more"]) == (shown_contract, False)
    assert [line.split()[0] for line in show().stdout.splitlines()[1:] if line[0] != " "] == [*OBJECTS]
    assert show("invoice").returncode == 2
