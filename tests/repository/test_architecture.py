"""docs/architecture.md mentions only what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PLACES = sorted(set(re.findall(r"`((?:app|mappings|canonical|emulators|tests)/[\w./-]+)`", TEXT)))
NAMES = sorted(set(re.findall(r"`(\w+)`(?: \([0-9]+\))? (?:in |\()`((?:app|mappings|canonical)/[\w./]+\.py)`", TEXT)))
FOLDERS = sorted(
    {
        name
        for row in re.findall(r"^- (`.*?):", TEXT.partition("Inside `app`")[2].partition("\n\nA capability")[0], re.M)
        for name in re.findall(r"`(\w+)`", row)
    }
)


@pytest.mark.parametrize("place", PLACES)
def test_every_path_exists(place: str) -> None:
    assert (ROOT / place).exists()


@pytest.mark.parametrize(("name", "file"), NAMES)
def test_every_name_is_in_its_file(name: str, file: str) -> None:
    text = (ROOT / file).read_text("utf-8")

    assert re.search(rf"^(?:async )?(?:def|class) {name}\b|^{name}\b", text, re.MULTILINE)


def test_every_folder_of_app_is_described() -> None:
    there = {path.name for path in (ROOT / "app").iterdir() if path.is_dir() and not path.name.startswith("_")}

    assert there <= set(FOLDERS)
    assert not [
        name for name in FOLDERS if not (ROOT / "app" / name).exists() and not (ROOT / f"app/{name}.py").exists()
    ]


def test_every_decision_that_is_linked_exists() -> None:
    links = re.findall(r"\((decisions/[\w.-]+\.md)\)", TEXT)

    assert links
    assert all((ROOT / "docs" / link).exists() for link in links)
