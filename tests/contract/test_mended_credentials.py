"""A refused credential that an operator mends: the connection resumes, or the command says what keeps it paused."""

import json
from collections.abc import Iterator
from contextlib import closing
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.portal import Portal
from tests.contract.waiting import until
from tests.fixtures import opened

LISTING = "/v1/customers?connection=vaulted"
VAULTED = '\n[connections.vaulted]\nvendor = "hubspot"\nbase_url = "{}"\ncredentials = {{ token = "vault:portal" }}\n'


portal = opened(lambda: closing(Portal()), "module")
"""The vendor."""


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, portal: Portal
) -> Iterator[Facade]:
    """The processes, started once for the module."""
    more = VAULTED.format(portal.url)
    with Facade(tmp_path_factory.mktemp("mended"), module_database_url, more=more).running() as facade:
        yield facade


full_key = own_key()


def secrets(facade: Facade, *arguments: str, text: str | None = None) -> CompletedProcess[str]:
    return lockstitch("secrets", *arguments, environment=facade.api.environment, columns=300, text=text)


def connection_view(caller: Caller) -> dict[str, Any]:
    connections: list[dict[str, Any]] = caller.get("/ops/connections").json()["data"]
    return next(one for one in connections if one["name"] == "vaulted")


def paused(caller: Caller) -> None:
    """Call until the connection is paused for its credential."""
    assert code_of(caller.get(LISTING), 502) == "vendor-auth-failed"
    until(lambda: connection_view(caller)["state"], lambda state: state == "unauthorised")


def test_a_mended_key_resumes_the_connection_that_the_old_one_paused(
    facade: Facade, caller: Caller, portal: Portal
) -> None:
    paused(caller)  # the vault lacks the secret
    done = secrets(facade, "set", "portal", text="333.1")
    assert (done.returncode, "vaulted is resumed" in done.stdout) == (0, True), done.stdout
    until(lambda: caller.get(LISTING).status_code, lambda status: status == 200)

    portal.refused.add("333.1")
    paused(caller)
    resumed = facade.lockstitch("connections", "resume", "vaulted").stdout
    assert resumed == "vaulted is resumed. It continues after the vendor accepts the credential once.\n"
    paused(caller)
    (finding,) = json.loads(facade.lockstitch("verify", "vaulted", "--json").stdout)["findings"]
    assert finding["mend"] == "Renew it at the vendor, then: lockstitch secrets rotate portal"
    done = secrets(facade, "rotate", "portal", text="333.2")
    assert (done.returncode, "vaulted is resumed" in done.stdout) == (0, True), done.stdout
    # It was proven: no request has to go first.
    until(lambda: connection_view(caller)["state"], lambda state: state == "working")
    until(lambda: caller.get(LISTING).status_code, lambda status: status == 200)

    portal.refused = {"333.2"}  # the vendor takes the first key back
    paused(caller)
    done = secrets(facade, "rollback", "portal")
    assert (done.returncode, "vaulted is resumed" in done.stdout) == (0, True), done.stdout
    until(lambda: caller.get(LISTING).status_code, lambda status: status == 200)


def test_a_key_that_is_refused_too_resumes_nothing(facade: Facade, caller: Caller, portal: Portal) -> None:
    portal.refused = {"333.1", "333.2"}
    secrets(facade, "revoke", "portal")
    secrets(facade, "set", "portal", text="333.3")
    until(lambda: caller.get(LISTING).status_code, lambda status: status == 200)
    portal.refused |= {"333.3", "333.4"}
    paused(caller)
    assert secrets(facade, "rotate", "portal", text="333.4").returncode == 3
    assert connection_view(caller)["state"] == "unauthorised"
    portal.refused.clear()
    assert "vaulted is resumed" in secrets(facade, "promote", "portal").stdout


def test_an_operator_pauses_a_connection_whose_credential_is_refused(
    facade: Facade, caller: Caller, portal: Portal
) -> None:
    """The pause lasts until a resume: neither a mended credential nor another refusal ends or changes it."""
    secrets(facade, "revoke", "portal")
    secrets(facade, "set", "portal", text="333.7")
    portal.refused.add("333.7")
    paused(caller)
    answer = caller.post("/ops/connections/vaulted/pause", json={"note": "moving"}).json()
    assert (answer["state"], answer["note"], answer["was_paused"]) == ("paused", "moving", False)
    done = exits(secrets(facade, "rotate", "portal", text="333.8"))
    assert "vaulted stays paused (moving). To resume it: lockstitch connections resume vaulted" in done.stdout
    problem = caller.get(LISTING)
    assert code_of(problem, 503) == "connection-paused"
    assert "An operator has paused vaulted: moving." in problem.json()["detail"]
    assert connection_view(caller)["state"] == "paused"
    assert caller.post("/ops/connections/vaulted/resume").json()["state"] == "working"
    until(lambda: caller.get(LISTING).status_code, lambda status: status == 200)


def test_the_pause_of_an_operator_stays_and_is_named(facade: Facade, caller: Caller, portal: Portal) -> None:
    secrets(facade, "revoke", "portal")
    secrets(facade, "set", "portal", text="333.5")
    assert caller.post("/ops/connections/vaulted/pause", json={"note": "moving"}).status_code == 200
    done = exits(secrets(facade, "rotate", "portal", text="333.6"))
    assert "vaulted stays paused (moving). To resume it: lockstitch connections resume vaulted" in done.stdout
    assert connection_view(caller)["state"] == "paused"
    assert caller.post("/ops/connections/vaulted/resume").status_code == 200
