"""Follow `docs/add-a-vendor.md` to the letter in a copy of the project: it must lead to silver."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from canonical.customer import CustomerPatch
from mappings.checks.quality import RULES
from mappings.spec import Notes
from tests.required import required

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-vendor.md"
REFERENCE = ROOT / "docs" / "vendor-reference.md"
EXAMPLE = ROOT / "docs" / "vendor-example.md"
BIN = Path(sys.executable).parent
COPIED = ("app", "canonical", "mappings", "emulators", "docs", "tests")
FILES = ("pyproject.toml", "mkdocs.yml")
SUITE = "tests/emulators/vendors.py"
# A whole file below its name, in the example.
SHOWN = re.compile(r"^`(?P<file>[\w./-]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# What is added to the suite of the emulators, in the example.
ENTRY = re.compile(
    rf"^Add it to `{SUITE}`, and `(?P<name>\w+)` to `VENDORS`:\n\n```python\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# What a reader of the page acts on: a link to a listing of the example, or commands.
STEP = re.compile(
    r"\(vendor-example\.md#(?P<listing>listing-[\w-]+)\)|^```console\n(?P<commands>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
EXCERPT = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# The names that an example of the reference uses: those of the project, and Structs of an invented vendor.
BEFORE_EXAMPLE = """
from typing import Final
from msgspec import UNSET, Struct, UnsetType
from canonical.customer import CustomerPatch
from canonical.parts import AddressType
from mappings.kit import patches, people
from mappings.kit.addresses import placed, slots_of
from mappings.spec import Notes

class EmailWrite(Struct):
    address: str
    primary: bool

class PhoneWrite(Struct):
    number: str
    primary: bool

class AddressWrite(Struct):
    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None
"""


def listings() -> dict[str, dict[str, str]]:
    """By the anchor of a listing: its files and their texts."""
    _, *sections = re.split(r"^## (?=Listing: )", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    files = {}
    for section in sections:
        title, _, body = section.partition("\n")
        anchor = title.lower().replace(":", "").replace(" ", "-")
        files[anchor] = {match["file"]: match["text"] for match in SHOWN.finditer(body)}
        if entry := ENTRY.search(body):
            files[anchor] |= {SUITE: with_entry((ROOT / SUITE).read_text("utf-8"), entry["name"], entry["text"])}
    return files


def with_entry(suite: str, name: str, text: str) -> str:
    """Add an emulator to the suite."""
    before, last, after = suite.partition("\nVENDORS = (")
    assert last
    return f"{before}\n{text}{last}{name}, {after}"


def steps() -> Iterator[str | dict[str, str]]:
    """Commands, and files to replace, in the order of the page."""
    there = listings()
    for step in STEP.finditer(PAGE.read_text("utf-8")):
        yield step["commands"] or there.pop(step["listing"])
    assert there == {}, "a listing that the page does not refer to"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working copy."""
    for part in COPIED:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def run(folder: Path, command: list[str]) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    return subprocess.run(
        command,
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def obey(folder: Path, line: str) -> None:
    """Run one command of the page, except `make check` and `make test`, which CI runs on the project itself."""
    words = shlex.split(line)
    match words[0]:
        case "lockstitch":
            done = run(folder, [sys.executable, "-m", "app.cli", *words[1:]])
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        case "python" | "ruff":
            done = run(folder, [sys.executable if words[0] == "python" else str(BIN / "ruff"), *words[1:]])
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            # The listings are formatted like ruff formats them.
            assert words[0] == "python" or not re.search(r"\d+ (file|error)s? (reformatted|fixed)", done.stdout), line
        case "rm":
            gone = [path for word in words[1:] for path in folder.glob(word)]
            assert gone, line
            for path in gone:
                path.unlink()
        case "cat":
            assert (folder / words[1]).read_text("utf-8")
        case _:
            assert line in ("make check", "make test")


@pytest.mark.long
def test_the_page_leads_to_silver(project: Path) -> None:
    commands = 0
    for step in steps():
        if isinstance(step, str):
            for line in step.splitlines():
                obey(project, line.removeprefix("$ "))
                commands += 1
        else:
            assert step
            for file, text in step.items():
                assert (project / file).exists(), f"{file}: new-vendor makes no such file"
                (project / file).write_text(text, "utf-8")

    assert commands > 5
    imported = run(project, [str(BIN / "lint-imports")])
    assert imported.returncode == 0, imported.stdout
    meant = (project / "tests" / "mappings" / "deskbell" / "fixtures" / "ticket-full.out.json").read_text("utf-8")
    for expected in ("waiting_on_customer", "mira.holm@example.com", '"value": "mug"'):
        assert expected in meant


def test_excerpts_of_the_page_are_in_the_listings() -> None:
    text = "\n".join(text for files in listings().values() for text in files.values())
    excerpts = EXCERPT.findall(PAGE.read_text("utf-8"))
    assert len(excerpts) == 3
    assert [excerpt for excerpt in excerpts if excerpt not in text] == []


def test_the_example_of_several_addresses_and_numbers_works() -> None:
    _, _, section = REFERENCE.read_text("utf-8").partition("\n### Several addresses and numbers\n")
    (code,) = required(EXCERPT.search(section)).groups()
    assert len(code.splitlines()) <= 40
    names: dict[str, Any] = {}
    exec(compile(f"{BEFORE_EXAMPLE}\n{code}", str(REFERENCE), "exec"), names)  # noqa: S102 - text of this repository
    sent = {
        "emails": [{"address": "Ann@example.com"}, {"address": "ann@work.example", "is_primary": True, "type": "work"}],
        "phones": [{"raw": "030 1234567", "e164": "+49301234567"}, {}],
        "addresses": [{"line1": "Weg 1", "country_code": "DE", "company": "Lee Ltd"}],
    }
    patch, notes = msgspec.convert(sent, CustomerPatch), Notes()

    emails = [(one.address, one.primary) for one in names["emails_written"](patch, notes)]
    numbers = [(one.number, one.primary) for one in names["phones_written"](patch, None, notes)]
    address = names["address_written"](patch, notes)

    assert emails == [("ann@example.com", False), ("ann@work.example", True)]
    assert numbers == [("030 1234567", True)]
    assert (address.street, address.country) == ("Weg 1", "DE")
    refused = {one.pointer for one in notes.refused}
    assert refused == {"/emails/1/type", "/phones/1", "/addresses/0/company"}
    assert names["emails_written"](CustomerPatch(), notes) is UNSET
    assert names["address_written"](CustomerPatch(addresses=None), notes) is None


def test_the_way_is_short() -> None:
    way, _, _ = PAGE.read_text("utf-8").partition("## Faults that the checks find")
    assert len(way.splitlines()) < 350


def test_the_reference_shows_every_rule() -> None:
    text = REFERENCE.read_text("utf-8")
    assert [rule for rule in RULES if f"- `{rule}`: " not in text] == []
