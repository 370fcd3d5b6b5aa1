"""The locked versions: exact, with hashes, and free of any registry's address."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def requirements(lock: str) -> dict[str, str]:
    """Each requirement of a lock by its name: the whole line with its hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {line.partition("==")[0]: line for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_version_is_exact_and_has_its_hashes(lock: str) -> None:
    for name, line in requirements(lock).items():
        assert re.match(r"[a-z0-9-]+==[^ ]+ ", line), name
        assert "--hash=sha256:" in line, name


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_contains_no_url_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert not re.findall(r"://|--(?:extra-)?index-url|--find-links|@ ?file", text)
    assert not re.findall(r"^ *(?:/|~)", text, re.MULTILINE)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    production, development = (requirements(lock) for lock in LOCKS)

    assert set(names(project["dependencies"]) + names(extras["build"])) <= set(production)
    assert set(names(extras["dev"])) <= set(development)
    for name, line in production.items():
        assert development[name].split()[0] == line.split()[0], name


def names(requirements_of_project: list[str]) -> list[str]:
    return [re.split(r"[>=<~!; ]", requirement)[0].lower().replace("_", "-") for requirement in requirements_of_project]
