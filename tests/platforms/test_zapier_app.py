"""The Zapier app: valid for Zapier's own command line, and its tests pass against `lockstitch dev`.

`tests/platforms/run` installs what it needs; without that the tests are skipped.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dev.test_dev import Dev
from tests.open_folder import open_folder
from tests.ports import free_port

APP = Path(__file__).parents[2] / "zapier-app"
INSTALLED = Path(os.environ.get("LOCKSTITCH_PLATFORMS", "/nonexistent"))
PATIENCE = 300.0

pytestmark = pytest.mark.skipif(not INSTALLED.is_dir(), reason="run tests/platforms/run")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the app that has its node_modules."""
    folder = tmp_path / "app"
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("node_modules", "build"))
    (folder / "node_modules").symlink_to(INSTALLED / "node_modules")
    return folder


def run(folder: Path, *command: str, **environment: str) -> str:
    """What a command prints in the app. Raises AssertionError with its words where it fails."""
    done = subprocess.run(
        [str(INSTALLED / "node/bin/node"), *command],
        cwd=folder,
        env={**os.environ, "PATH": f"{INSTALLED}/node/bin:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_zapier_accepts_it(app: Path) -> None:
    printed = run(app, "node_modules/.bin/zapier-platform", "validate", "--without-style")
    assert "structurally sound" in printed


def test_its_own_tests_pass(app: Path) -> None:
    folder, hooks = open_folder("lockstitch-zapier-"), free_port()
    dev = Dev(folder)
    try:
        facts = dev.start(LOCKSTITCH_EGRESS_ALLOW=f"127.0.0.1/32:{hooks}")
        where = {f"LOCKSTITCH_{name.upper()}": facts[name] for name in ("api", "key", "emulators")}
        tests = [f"test/{one.name}" for one in sorted(app.glob("test/*.test.js"))]
        printed = run(app, "--test", "--test-reporter=tap", *tests, HOOK_PORT=str(hooks), **where)
    finally:
        dev.close()
        shutil.rmtree(folder)
    assert "# fail 0" in printed
    assert "# pass 16" in printed
