"""`docker-compose.yml`, as far as it can be judged without Docker."""

from pathlib import Path

import yaml

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"


def test_nothing_begins_before_the_database_takes_connections() -> None:
    """The entry point of the image first runs a server for itself that listens on its socket alone: asked there,
    `pg_isready` says yes too early, and `migrate` met a server that was just going away."""
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert "--host" in services["postgres"]["healthcheck"]["test"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["command"][:2] == ["migrate", "--wait"]
    for name in ("api", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
