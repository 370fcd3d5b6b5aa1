"""`lockstitch doctor` and `lockstitch verify` find what is wrong with a connection, and say what to do."""

import json
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.cli.doctor import VENDORS_AT_ONCE
from tests.commands import exits
from tests.contract.doctor.shell import Shell, app_connection, findings_of, static_connection, the
from tests.contract.portal import Portal
from tests.contract.processes import ROOT
from tests.contract.waiting import until
from tests.forked import Forked


def test_a_missing_scope_is_named_with_its_object(run: Shell, portal: Portal) -> None:
    scope = "This app has no access: it needs crm.objects.orders.read."
    portal.answers["/crm/v3/objects/orders"] = (403, {"category": "MISSING_SCOPES", "message": scope})
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(findings_of(run(*command)), "scope is missing", "orders", "crm.objects.orders.read")
        assert one["level"] == "warning"
        assert one["mend"].endswith("lockstitch verify crm")
    owner = '[systems_of_record]\norders = "crm"\n'
    done = run("verify", "crm", "--json", more=owner)
    assert the(findings_of(done), "scope is missing")["level"] == "error"
    assert done.returncode == 1


def test_an_object_outside_the_access_is_not_asked_for(run: Shell, portal: Portal) -> None:
    portal.answers["/crm/v3/objects/orders"] = (403, {"category": "MISSING_SCOPES", "message": "no orders"})
    run.sql("INSERT INTO watermark (connection, object, tried_at, failure) VALUES ('crm', 'order', now(), 'refused')")
    access = 'access = { customers = "write", tickets = "read" }\n'
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        assert [text for text in findings_of(run(*command, more=access)) if "crm" in text] == []


def test_an_expired_token_is_found_and_pauses_nothing(run: Shell, portal: Portal) -> None:
    portal.answers["/"] = (401, {"category": "EXPIRED_AUTHENTICATION", "message": "expired"})
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(findings_of(run(*command)), "connection crm", "refuses the credential", "expired")
        assert one["level"] == "error"
        assert "env:CRM_TOKEN" in one["mend"]
    portal.answers.clear()
    assert run("verify", "crm").returncode == 0


@pytest.mark.parametrize(("ahead", "sentence"), [(300, "behind crm"), (-300, "ahead of crm")])
def test_a_wrong_clock_is_found_by_the_vendors(run: Shell, portal: Portal, ahead: int, sentence: str) -> None:
    portal.ahead = timedelta(seconds=ahead)
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(findings_of(run(*command)), "clock", sentence)
        assert one["mend"] == "timedatectl set-ntp true"


def test_another_account_is_found(run: Shell, portal: Portal) -> None:
    assert run("verify", "crm").returncode == 0
    run.read_customers()
    portal.answers["account-info"] = (200, {"portalId": 2})
    for command in (("doctor", "--json"), ("verify", "crm", "--json")):
        one = the(findings_of(run(*command)), "it opens the account portal 2, and belongs to portal 1")
        assert "lockstitch environment rebind crm" in one["mend"]
    assert run("environment", "rebind", "crm").returncode == 0
    assert run("verify", "crm").returncode == 0
    run.read_customers()
    assert run("verify", "crm").returncode == 0
    assert run("environment", "rebind", "nothing").returncode == 1


def test_two_connections_with_one_secret_are_found_by_name(run: Shell, portal: Portal) -> None:
    more = (
        f'[connections.other]\nvendor = "hubspot"\nbase_url = "{portal.url}"\n'
        'credentials = { token = "env:OTHER_TOKEN" }\n'
        '[connections.hooks]\nvendor = "github"\nwebhook_secrets = ["env:HOOK_SECRET"]\n'
    )
    done = run("doctor", "--json", more=more, OTHER_TOKEN="a-token", HOOK_SECRET="another")
    one = the(findings_of(done), "env:CRM_TOKEN, env:OTHER_TOKEN", "crm, other")
    assert one["level"] == "warning"
    assert "a-token" not in done.stdout
    assert not [text for text in findings_of(run("doctor", "--json", more=more, OTHER_TOKEN="b", HOOK_SECRET="c"))
                if text.startswith("secret")]  # fmt: skip


def test_a_connection_that_nobody_authorised_is_to_be_connected(run: Shell, portal: Portal) -> None:
    more = app_connection("app", portal.url, "APP_SECRET")
    done = run("doctor", "--json", more=more, APP_ID="an-id", APP_SECRET="a-secret")
    finding = the(findings_of(done), "connection app", "it was not authorised yet")
    assert finding["mend"] == "lockstitch connect app"


def test_the_id_of_an_app_is_no_secret_that_connections_share(run: Shell, portal: Portal) -> None:
    more = app_connection("one", portal.url, "ONE_SECRET") + app_connection("two", portal.url, "TWO_SECRET")
    done = run("doctor", "--json", more=more, APP_ID="an-id", ONE_SECRET="a-secret", TWO_SECRET="another")
    assert [text for text in findings_of(done) if "is used at" in text] == []


def test_missing_secrets_are_reported_by_name(run: Shell) -> None:
    more = '[connections.hooks]\nvendor = "github"\nwebhook_secrets = ["env:HOOK_SECRET", "vault:hooks"]\n'
    findings = findings_of(run("doctor", "--json", more=more, CRM_TOKEN=""))
    assert the(findings, "connection crm", "CRM_TOKEN")["mend"].endswith("export CRM_TOKEN=…")
    assert the(findings, "connection hooks", "HOOK_SECRET")
    assert the(findings, "connection hooks", "vault:hooks")["mend"] == "lockstitch secrets set hooks"


def test_a_secret_that_the_vault_lacks_is_to_be_set(run: Shell, portal: Portal) -> None:
    more = static_connection("kept", portal.url, "vault:kept")
    more += f'\n[connections.app]\nvendor = "medusa"\nbase_url = "{portal.url}"\n'
    more += 'credentials = { email = "env:APP_ID", password = "vault:app" }\n'
    for name, mend in (
        ("kept", "lockstitch secrets set kept"),  # which resumes it, unless an operator has paused it
        ("app", "lockstitch secrets set app && lockstitch connect app"),
    ):
        findings = findings_of(run("verify", name, "--json", more=more, APP_ID="an-id"))
        assert the(findings, f"connection {name}: ", f"vault:{name} holds no secret")["mend"] == mend


def test_a_vendor_that_throttles_is_reached(run: Shell, portal: Portal) -> None:
    portal.answers["/"] = (429, {"category": "RATE_LIMITS", "message": "slow down"})
    done = run("doctor", "--json")
    one = the(findings_of(done), "connection crm", "HubSpot throttles this account")
    assert (one["level"], one["mend"].endswith("lockstitch verify crm")) == ("warning", True)
    assert [text for text in findings_of(done) if "not reached" in text] == []


def test_an_unreachable_vendor_is_found(run: Shell, portal: Portal) -> None:
    portal.close()
    one = the(findings_of(run("doctor", "--json")), "connection crm", "is not reached")
    assert one["mend"].endswith(portal.url)


@pytest.mark.parametrize(("status", "reason"), [(401, "refuses the credential"), (503, "is not reached")])
def test_a_vendor_whose_account_needs_no_call_is_reported_once(
    run: Shell, portal: Portal, status: int, reason: str
) -> None:
    """Stripe's account is read from the key, so the first call is the first list."""
    portal.answers["/"] = (status, {"error": {"message": "no"}})
    more = f"""[connections.pay]
        vendor = "stripe"
        base_url = "{portal.url}"
        credentials = {{ key = "env:PAY_KEY" }}
    """
    report = json.loads(exits(run("verify", "pay", "--json", more=more, PAY_KEY="sk_test_1"), 1).stdout)
    (finding,) = report["findings"]
    assert reason in finding["found"]
    assert report["passed"] == []


def test_vendors_are_asked_at_the_same_time(run: Shell, portal: Portal) -> None:
    portal.barrier = threading.Barrier(2, timeout=5)
    done = run("doctor", "--json", more=static_connection("other", portal.url, "env:OTHER_TOKEN"), OTHER_TOKEN="2")
    assert [text for text in findings_of(done) if text.startswith("connection ")] == []


def test_ctrl_c_ends_the_checks_of_vendors(run: Shell, portal: Portal, tmp_path: Path) -> None:
    run("--version")  # writes the configuration
    waiting = portal.barrier = threading.Barrier(2, timeout=20)
    terminal, errors = os.openpty()
    source, printed, _ = streams = (tmp_path / "in", tmp_path / "out", Path(os.ttyname(errors)))
    source.touch()
    process = Forked("app.cli", ["doctor"], environment=os.environ | run.environment, folder=ROOT, streams=streams)
    try:
        until(lambda: waiting.n_waiting, bool)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(15) == 130
    finally:
        process.terminate()
        waiting.abort()
    assert os.read(terminal, 1000).decode() == "Asking the vendor of crm …\r\n"
    os.close(terminal)
    os.close(errors)
    assert "HubSpot" not in printed.read_text()


def test_more_vendors_than_are_asked_at_once_are_resolved_by_name(run: Shell, portal: Portal) -> None:
    url, others = portal.url.replace("127.0.0.1", "localhost"), range(VENDORS_AT_ONCE + 1)
    more = "".join(static_connection(f"other{one}", url, f"env:TOKEN_{one}") for one in others)
    done = run("doctor", "--json", more=more, **{f"TOKEN_{one}": f"{one}" for one in others})
    assert [text for text in findings_of(done) if text.startswith("connection ")] == []


def test_a_vendor_that_keeps_failing_is_reported_once(run: Shell, portal: Portal) -> None:
    portal.answers["/crm/v3/objects"] = (503, {})
    findings = json.loads(run("doctor", "--json").stdout)["findings"]
    failed = [one for one in findings if (one["about"], one["level"]) == ("connection crm", "error")]
    assert [one["mend"].endswith(portal.url) for one in failed] == [True], failed


def test_records_that_do_not_map_unknown_values_and_a_wrong_time_zone(run: Shell, portal: Portal) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    past = "2026-01-01T00:00:00.000Z"
    portal.answers["/crm/v3/objects/contacts"] = (
        200,
        {
            "results": [
                {"id": "1", "properties": {"email": "ann@example.com"}, "createdAt": past, "updatedAt": soon},
                {"id": 2, "properties": {"email": "bo@example.com"}, "createdAt": past, "updatedAt": past},
                {"id": "3", "properties": {"lifecyclestage": "1234567"}, "createdAt": past, "updatedAt": past},
            ]
        },
    )
    done = exits(run("verify", "crm", "--json"), 1)
    assert (
        "lockstitch map hubspot.customer"
        in the(findings_of(done), "customer", "1 of 3 records cannot be mapped")["mend"]
    )
    # Fields that HubSpot does not have, such as tax_exemption, hold no unknown value.
    (one,) = [one for text, one in findings_of(done).items() if "does not know" in text]
    assert one["found"].startswith("lifecycle_stage of 1 of 2 records")
    assert one["mend"].endswith("in lifecycle_stage_raw: GET /v1/customers/crm:3")
    assert "time zone" in the(findings_of(done), "2.0 h in the future", "such as 1")["found"]


def test_a_connection_that_is_not_called_cannot_be_verified(run: Shell) -> None:
    done = exits(run("verify", "nothing"), 1)
    assert "crm" in done.stderr
    intake = '[connections.parcels]\nvendor = "standard-webhooks"\nwebhook_secrets = ["env:CRM_TOKEN"]\n'
    done = run("verify", "parcels", more=intake)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Lockstitch does not call parcels, so there is nothing to verify.")
