"""The files for deployment, judged by the programs that read them: Compose, kubernetes-validate, systemd, HAProxy."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.files import KUBERNETES, ROOT, SYSTEMD

CACHE = Path(os.environ["LOCKSTITCH_DEPLOY_CACHE"])
UNITS = ("lockstitch-migrate.service", "lockstitch-api@8080.service", "lockstitch-worker.service")


def output_of(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_compose_understands_its_file() -> None:
    content = yaml.safe_load(output_of("docker-compose", "--profile", "n8n", "config"))
    assert {"api", "worker", "migrate", "proxy", "backup", "n8n"} < content["services"].keys()


# kubernetes-validate has no schema of ScaledObject, which is KEDA's.
@pytest.mark.parametrize("file", sorted(file.name for file in KUBERNETES.glob("*.yml") if file.name != "keda.yml"))
def test_a_manifest_follows_the_schemas_of_kubernetes(file: str) -> None:
    output_of(CACHE / "tools/bin/kubernetes-validate", "--strict", KUBERNETES / file)


@pytest.fixture(scope="module")
def systemd_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with systemd's own units and ours, installed as docs/deployment.md says."""
    root = tmp_path_factory.mktemp("systemd")
    units = root / "etc/systemd/system"
    shutil.copytree(SYSTEMD, units)
    (units / "lockstitch-api@8080.service").symlink_to("lockstitch-api@.service")
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    (root / "lib").symlink_to("usr/lib")
    program = root / "opt/lockstitch/bin/lockstitch"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return root


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_has_nothing_to_say_about_a_unit(systemd_root: Path, unit: str) -> None:
    output = output_of("systemd-analyze", "verify", f"--root={systemd_root}", f"/etc/systemd/system/{unit}")
    assert "lockstitch" not in output


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_exposes_little(systemd_root: Path, unit: str) -> None:
    """On the scale of systemd-analyze: 10 is a service with all rights."""
    output = output_of("systemd-analyze", "security", "--offline=yes", "--threshold=20", f"--root={systemd_root}", unit)
    assert "Overall exposure level" in output
