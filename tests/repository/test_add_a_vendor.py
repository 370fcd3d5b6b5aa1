"""`docs/add-a-vendor.md` is followed to the letter in a copy of the project: it has to lead to bronze."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.checks.quality import RULES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-vendor.md"
BIN = Path(sys.executable).parent
COPIED = ("app", "canonical", "mappings", "emulators", "docs", "tests/mappings")
FILES = ("pyproject.toml", "tests/shared_material.py")
# What is shown in the hour: a whole file under its name, lines to change, or commands.
SHOWN = re.compile(r"(?:^`(?P<file>[\w./-]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> Iterator[tuple[str, str, str]]:
    """Kind, file and text of every block that a reader acts on, in the order of the page."""
    hour, _, _ = PAGE.read_text("utf-8").partition("\n# Every step in full\n")
    for shown in SHOWN.finditer(hour):
        if shown["file"] is not None or shown["kind"] in ("diff", "console"):
            yield shown["kind"], shown["file"] or "", shown["text"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working copy."""
    for part in COPIED:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def run(folder: Path, command: list[str], given: str | None = None) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    return subprocess.run(
        command,
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(folder), "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        input=given,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def obey(folder: Path, line: str) -> None:
    """One command of the page. The whole of `make check` is run by whoever runs this."""
    words = shlex.split(line)
    match words[0]:
        case "lockstitch":
            done = run(folder, [sys.executable, "-m", "app.cli", *words[1:]])
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        case "python" | "ruff":
            done = run(folder, [sys.executable if words[0] == "python" else str(BIN / "ruff"), *words[1:]])
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            # What the page shows is as ruff would have it.
            assert words[0] == "python" or not re.search(r"\d+ (file|error)s? (reformatted|fixed)", done.stdout), line
        case "rm":
            gone = [path for word in words[1:] for path in folder.glob(word)]
            assert gone, line
            for path in gone:
                path.unlink()
        case "cat":
            assert (folder / words[1]).read_text("utf-8")
        case _:
            assert line == "make check"


@pytest.mark.long
def test_the_page_leads_to_bronze(project: Path) -> None:
    commands = 0
    for kind, file, text in steps():
        if kind == "console":
            for line in text.splitlines():
                obey(project, line.removeprefix("$ "))
                commands += 1
        elif kind == "diff":
            applied = run(project, ["git", "apply", "--recount", "-"], text)
            assert applied.returncode == 0, f"{text}\n{applied.stderr}"
        else:
            (project / file).write_text(text, "utf-8")

    assert commands > 5
    imported = run(project, [str(BIN / "lint-imports")])
    assert imported.returncode == 0, imported.stdout
    meant = (project / "tests" / "mappings" / "deskbell" / "fixtures" / "ticket-full.out.json").read_text("utf-8")
    for told in ("waiting_on_customer", "mira.holm@example.com", '"value": "mug"'):
        assert told in meant


def test_the_page_shows_every_rule() -> None:
    text = PAGE.read_text("utf-8")
    assert [rule for rule in RULES if f"| `{rule}` |" not in text] == []
