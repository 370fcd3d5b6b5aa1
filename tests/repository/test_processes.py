"""`--processes`: what becomes of tests that fail, and of processes that end."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DEADLY: Final = """
import os, warnings, pytest

def test_ends_its_process():
    os.kill(os.getpid(), 9)

def test_comes_after_it(tmp_path):
    print("printed", tmp_path)
    warnings.warn("warned")
    assert tmp_path.parent.name == "other"
"""
ORDINARY: Final = """
import pytest

@pytest.fixture(scope="session")
def lasting():
    yield
    raise RuntimeError("torn down")

@pytest.mark.parametrize("number", range(40))
def test_passes(number):
    pass

def test_lasts(lasting):
    pass
"""


def test_each_test_is_reported_even_if_its_process_ends(tmp_path: Path) -> None:
    for name, text in (("deadly", DEADLY), ("ordinary", ORDINARY)):
        (tmp_path / f"test_{name}.py").write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--processes", "2", "-q", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    for test, code in (("ends_its_process", "-9"), ("lasts", "1")):
        text = rf"_ ERROR at teardown of test_{test} _+\nThe process of this test ended with {code}\."
        assert re.search(text, run.stdout), run.stdout
    assert re.search(r"_ test_comes_after_it _", run.stdout)
    assert re.search(r"Captured stdout call -+\nprinted /.*/gw[01]/test_comes_after_it0\n", run.stdout)
    assert "UserWarning: warned" in run.stdout
    assert "RuntimeError: torn down" in run.stderr
    assert "1 failed, 41 passed, 1 warning, 2 errors" in run.stdout
