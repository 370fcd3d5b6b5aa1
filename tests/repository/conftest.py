"""A copy of the project, so that tests can change its files."""

import shutil
from pathlib import Path

import pytest

from tests.repository.project_copy import COPIED, FILES, ROOT, TESTS


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unchanged copy of the parts that the tests need; with what is compiled, which saves compiling it."""
    folder = tmp_path_factory.mktemp("project")
    for part in (*COPIED, *TESTS):
        shutil.copytree(ROOT / part, folder / part)
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    return folder


@pytest.fixture
def project(pristine: Path, tmp_path: Path) -> Path:
    """A copy for one test."""
    return Path(shutil.copytree(pristine, tmp_path / "project"))
