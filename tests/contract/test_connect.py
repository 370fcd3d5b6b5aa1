"""`lockstitch connect`: a person authorises a connection in a browser, and it stays connected."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.commands import exits, lockstitch
from tests.contract.callers import Caller, code_of, expect, new_key
from tests.contract.doctor.shell import findings_of, the
from tests.contract.facade import Facade
from tests.contract.grants import (
    PASSWORD,
    SESSION,
    SIGNING,
    STATIC,
    VARIABLES,
    command_lines,
    configuration,
    forms,
    use_static_secrets_and_logins,
)
from tests.contract.otlp import Collector
from tests.contract.own_facade import own_key
from tests.contract.portal import Portal
from tests.contract.processes import NO_TLS
from tests.contract.samples import customer, ticket
from tests.contract.terminal import at_the_vendor, connect, terminal
from tests.contract.test_canaries import rows, tables
from tests.contract.waiting import until
from tests.fixtures import opened
from tests.ports import free_port

API_PORT: Final = free_port()


store = opened(lambda: closing(Portal()), "module")
"""A shop at which Lockstitch logs in as a person."""


collector = opened(lambda: closing(Collector()), "module")
"""What takes the spans."""


@pytest.fixture(scope="module")
def running_facade(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str, collector: Collector, store: Portal
) -> Iterator[Facade]:
    """A Lockstitch with connections whose tokens are obtained."""
    environment: dict[str, Any] = {
        "LOCKSTITCH_PUBLIC_URL": f"http://127.0.0.1:{API_PORT}",
        "LOCKSTITCH_LOG_LEVEL": "debug",
        "LOCKSTITCH_ENVIRONMENT": "prod",
        **collector.environment,
        **VARIABLES,
    }
    facade = Facade(tmp_path_factory.mktemp("connect"), module_database_url, **environment)
    facade.add_configuration(configuration(facade.emulators.url, store.url))
    facade.api = facade.process("serve", LOCKSTITCH_PORT=str(API_PORT))
    facade.api.url = f"http://127.0.0.1:{API_PORT}"
    with facade.running():
        yield facade


full_key = own_key()


browser = opened(lambda: httpx.Client(verify=NO_TLS, timeout=60.0))
"""A browser, which keeps cookies; its owner clicks each link."""


def connection_state(caller: Caller, name: str) -> dict[str, Any]:
    (one_connection,) = [one for one in caller.get("/ops/connections").json()["data"] if one["name"] == name]
    return one_connection


def working(caller: Caller, name: str, path: str = "/v1/customers") -> None:
    until(lambda: caller.get(path, params={"connection": name}).status_code, lambda status: status == 200)


def test_a_person_connects_with_the_least_scopes(
    facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    before = connection_state(caller, "crm-app")
    assert (before["state"], before["next_step"]) == ("needs_authorization", "Run: lockstitch connect crm-app.")
    assert before["scopes"]["granted"] is None
    granted = connect(facade, tmp_path, browser, "crm-app")
    scopes = ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read"]
    scopes += ["crm.schemas.contacts.write", "oauth"]
    assert f"Granted: {', '.join(scopes)}." in granted
    made = caller.create("/v1/customers?connection=crm-app", customer("hubspot"))
    assert caller.get(f"/v1/customers/{made['id']}?connection=crm-app").status_code == 200
    after = connection_state(caller, "crm-app")
    assert (after["state"], after["scopes"]) == ("working", {"needed": scopes, "granted": scopes, "missing": []})
    listed = json.loads(facade.lockstitch("connections", "--json").stdout)["data"]
    assert [one["scopes"] for one in listed if one["name"] == "crm-app"] == [after["scopes"]]
    output = facade.lockstitch("connections", "show", "crm-app").stdout
    assert "crm.objects.contacts.write" in output


def test_a_missing_scope_is_shown(facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path) -> None:
    with terminal(facade, tmp_path, "crm-reader") as shell:
        page = browser.get(shell.link()).headers["location"]
        requested = parse_qs(urlsplit(page).query)["scope"][0]
        assert requested == "crm.objects.contacts.read crm.schemas.contacts.read oauth"
        less = page.replace("%20crm.schemas.contacts.read", "")  # the person unticks one
        browser.get(browser.get(less).headers["location"])
        assert shell.wait() == 0
        assert "Missing: crm.schemas.contacts.read." in shell.text
    assert connection_state(caller, "crm-reader")["scopes"]["missing"] == ["crm.schemas.contacts.read"]
    for command in (("doctor",), ("verify", "crm-reader")):
        findings = json.loads(facade.lockstitch(*command, "--json").stdout)["findings"]
        (one,) = [one for one in findings if "did not grant crm.schemas.contacts.read" in one["found"]]
        assert (one["level"], one["about"]) == ("warning", "connection crm-reader")
        assert one["mend"].endswith("lockstitch connect crm-reader")


def test_only_the_browser_of_the_link_can_finish_once(
    facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    with terminal(facade, tmp_path, "help") as shell:
        link = shell.link()
        callback = at_the_vendor(browser, link)
        with httpx.Client(verify=NO_TLS) as another:
            assert another.get(link).status_code == 400  # the link works once
            stranger = another.get(callback)
        assert (stranger.status_code, "did not begin" in stranger.text) == (400, True)
        state = parse_qs(urlsplit(callback).query)["state"][0]
        wrong = browser.get(callback.replace(state, state[::-1]))
        assert (wrong.status_code, "The state is not the one that was sent" in wrong.text) == (400, True)
        cookies = dict(browser.cookies)
        assert browser.get(callback).status_code == 200
        again = httpx.get(callback, cookies=cookies, verify=NO_TLS)
        assert (again.status_code, "was taken already" in again.text) == (400, True)
        assert shell.wait() == 0
    working(caller, "help", "/v1/tickets")


def test_an_authorisation_ends_after_its_time(facade: Facade, browser: httpx.Client, tmp_path: Path) -> None:
    with terminal(facade, tmp_path, "app-shop") as shell:
        callback = at_the_vendor(browser, shell.link())
        facade.sql("UPDATE consent SET expires_at = now() WHERE used_at IS NULL")
        late = browser.get(callback)
        assert (late.status_code, "took longer than" in late.text) == (400, True)
        assert shell.wait() == 3
        assert "Nobody finished the authorisation in time." in shell.text


def test_the_terminal_does_not_wait_for_a_process_that_died(
    facade: Facade, browser: httpx.Client, tmp_path: Path
) -> None:
    with terminal(facade, tmp_path, "app-shop") as shell:
        at_the_vendor(browser, shell.link())
        # The process that took the answer died before it stored the tokens.
        facade.sql(
            "UPDATE consent SET used_at = now() - interval '9 minutes', expires_at = now() WHERE used_at IS NULL"
        )
        assert shell.wait() == 3
        assert "run lockstitch connect again." in shell.text


def test_a_refusal_of_the_person_is_reported(facade: Facade, browser: httpx.Client, tmp_path: Path) -> None:
    with terminal(facade, tmp_path, "app-shop") as shell:
        callback = urlsplit(at_the_vendor(browser, shell.link()))
        state = parse_qs(callback.query)["state"][0]
        expect(browser.get(f"http://{callback.netloc}{callback.path}?error=access_denied&state={state}"), 400)
        assert shell.wait() == 3
        assert "did not authorise the connection: access_denied" in shell.text


def test_the_answer_can_be_pasted(facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path) -> None:
    with terminal(facade, tmp_path, "pasted", "--paste") as shell:
        callback = browser.get(shell.link()).headers["location"]
        assert browser.get(callback).status_code == 400  # the API did not begin it
        shell.type(callback)
        assert shell.wait() == 0, shell.text
    working(caller, "pasted", "/v1/tickets")


@contextmanager
def failing(facade: Facade, table: str) -> Iterator[None]:
    """Every change of the table fails as if the database went away."""
    facade.sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'going away' USING ERRCODE = '57P01'; END $$"
    )
    facade.sql(f"CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION fail()")
    try:
        yield
    finally:
        facade.sql("DROP FUNCTION fail CASCADE")


def test_issued_tokens_that_are_not_stored_are_reported_with_the_next_step(
    facade: Facade, browser: httpx.Client, tmp_path: Path
) -> None:
    with terminal(facade, tmp_path, "unstored") as shell:
        callback = at_the_vendor(browser, shell.link())
        with failing(facade, "credential_version"):
            answer = browser.get(callback)
        assert shell.wait() == 3
    message = (
        "Zendesk issued tokens, but the database did not confirm that it stored them. Run again: lockstitch connect"
    )
    assert (answer.status_code, f"{message} unstored." in answer.text) == (503, True), answer.text
    assert f"{message} unstored." in shell.text


def test_stored_tokens_are_reported_if_the_end_of_the_pause_is_not(
    facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    facade.sql(
        "UPDATE lane SET blocked_reason = 'auth', blocked_until = 'infinity', blocked_at = now()"
        " WHERE connection = 'unstored'"
    )
    with terminal(facade, tmp_path, "unstored") as shell:
        callback = at_the_vendor(browser, shell.link())
        with failing(facade, "lane"):
            answer = browser.get(callback)
        assert shell.wait() == 3
    message = "The tokens of unstored are stored, but the database did not confirm that its pause ended."
    assert (answer.status_code, message in answer.text) == (503, True), answer.text
    assert f"{message} If lockstitch connections shows one, run: lockstitch connections resume unstored." in shell.text
    assert facade.lockstitch("connections", "resume", "unstored").returncode == 0
    working(caller, "unstored", "/v1/tickets")


@pytest.mark.parametrize("pasted", ["", "na1-a-code", "http://127.0.0.1/oauth/callback?code=na1-a-code"])
def test_what_is_no_answer_of_the_vendor_is_not_taken(facade: Facade, tmp_path: Path, pasted: str) -> None:
    with terminal(facade, tmp_path, "pasted", "--paste") as shell:
        shell.link()
        shell.type(pasted)
        assert shell.wait() == 3
        assert "This is not the whole address" in shell.text
        assert "lockstitch connect pasted --paste" in shell.text


def test_a_refused_client_secret_is_one_sentence(facade: Facade) -> None:
    environment = {**facade.api.environment, "SHOPIFY_SECRET": "wrong"}
    refused = lockstitch("connect", "own-shop", environment=environment, columns=300)
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)
    assert "Shopify refuses the client_id, client_secret of own-shop: invalid_client." in refused.stderr


def test_the_cookie_returns_behind_a_proxy_that_adds_a_path(facade: Facade, tmp_path: Path) -> None:
    port = free_port()
    api = facade.process(
        "serve", LOCKSTITCH_PORT=str(port), LOCKSTITCH_PUBLIC_URL=f"http://127.0.0.1:{port}/lockstitch"
    )
    api.url = f"http://127.0.0.1:{port}"
    api.start()
    try:
        with terminal(facade, tmp_path, "pasted") as shell:
            run = urlsplit(shell.link()).query
            answer = httpx.get(f"{api.url}/oauth/start?{run}", verify=NO_TLS)
    finally:
        api.stop()
    assert answer.status_code == 303
    assert "; Path=/lockstitch/oauth;" in answer.headers["set-cookie"]


def test_connect_ends_the_pause_for_another_account(
    facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    """The person agreed in the wrong account, and now agrees in the right one, which the next call checks."""
    connect(facade, tmp_path, browser, "app-shop")
    working(caller, "app-shop")
    facade.sql("UPDATE connection_account SET value = 'another.example' WHERE connection = 'app-shop'")
    facade.sql("NOTIFY lockstitch_account")
    again, right = tmp_path / "again", tmp_path / "right"
    for folder in (again, right):
        folder.mkdir()
    connect(facade, again, browser, "app-shop")
    until(lambda: caller.get("/v1/customers?connection=app-shop").status_code, lambda status: status == 503)
    until(lambda: connection_state(caller, "app-shop")["state"], lambda state: state == "paused")
    facade.sql("DELETE FROM connection_account WHERE connection = 'app-shop'")
    facade.sql("NOTIFY lockstitch_account")
    connect(facade, right, browser, "app-shop")
    working(caller, "app-shop")


def test_an_app_of_ones_own_needs_nobody(facade: Facade, caller: Caller) -> None:
    working(caller, "own-shop")
    assert connection_state(caller, "own-shop")["scopes"]["missing"] == []
    assert "own-shop is connected." in facade.lockstitch("connect", "own-shop").stdout
    with facade.another_api() as process, facade.calling("customers:read", url=process.url) as other:
        working(other, "own-shop")
    listed = json.loads(facade.lockstitch("secrets", "list", "--json").stdout)["data"]
    (current,) = [one for one in listed if one["name"] == "own-shop.tokens" and one["state"] == "current"]
    assert current["last_used_at"] is not None


def test_the_pause_of_an_operator_stays_and_is_named(facade: Facade, caller: Caller) -> None:
    assert caller.post("/ops/connections/own-shop/pause", json={"note": "moving"}).status_code == 200
    output = facade.lockstitch("connect", "own-shop").stdout
    assert "own-shop stays paused (moving). To resume it: lockstitch connections resume own-shop" in output
    assert caller.post("/ops/connections/own-shop/resume").status_code == 200


def test_a_static_credential_is_not_connected(facade: Facade) -> None:
    refused = exits(facade.lockstitch("connect", "zendesk"), 3)
    assert "has no grant" in refused.stderr
    exits(facade.lockstitch("connect", "nowhere"), 1)


def test_a_lost_reply_pauses_until_a_person_connects(
    facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    connect(facade, tmp_path / "one", browser, "lost-help")
    working(caller, "lost-help", "/v1/tickets")
    facade.sql("UPDATE credential_version SET expires_at = now() WHERE credential = 'lost-help.tokens'")
    facade.vendors.break_("zendesk", "refresh_reply_lost", delay_ms=0)
    # Both processes see the end of the token within a second.
    path = "/v1/tickets?connection=lost-help"
    refused = until(lambda: caller.get(path), lambda answer: answer.status_code != 200)
    assert code_of(refused, 502) == "vendor-auth-failed"
    assert "lockstitch connect lost-help" in refused.json()["detail"]
    paused = expect(caller.get(path), 503, "connection-paused").json()
    assert paused["next_step"] == "An operator must run: lockstitch connect lost-help."  # a resume does not help
    findings = findings_of(facade.lockstitch("doctor", "--json"))
    assert the(findings, "connection lost-help", "it is paused")["mend"] == "lockstitch connect lost-help"
    connection_view = connection_state(caller, "lost-help")
    assert (connection_view["state"], connection_view["note"]) == (
        "needs_authorization",
        "the reply to its last refresh was lost",
    )
    events = until(lambda: [one for one in events_of(caller) if one["data"]["connection"] == "lost-help"])
    assert [one["data"]["why"] for one in events] == ["auth"]
    queued = caller.post(
        path, json=ticket("zendesk"), headers={"idempotency-key": new_key(), "prefer": "respond-async"}
    )
    assert queued.status_code == 202, queued.text
    connect(facade, tmp_path / "two", browser, "lost-help")
    assert caller.settled(queued)["state"] == "succeeded"
    working(caller, "lost-help", "/v1/tickets")  # each process sends one request first
    until(lambda: connection_state(caller, "lost-help")["state"], lambda state: state == "working")
    (sent,) = [
        body
        for body in (call["body"] for call in facade.vendors.calls("zendesk") if call["path"] == "/oauth/tokens")
        if "refresh_token" in body and body["grant_type"] == "refresh_token"
    ]
    (logged,) = [one for one in auth_failures(facade, "lost-help") if one["logger"] == "lockstitch.credentials"]
    assert (logged["credential"], logged["vendor_code"]) == ("lost-help.tokens", "reset")
    assert logged["credential_version"] == 1
    assert logged["correlation_id"] == refused.headers["x-correlation-id"]
    assert sent["refresh_token"] not in facade.api.log


def test_an_error_of_the_token_endpoint_needs_a_person_who_is_told_why(
    facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    """The vendor may have deleted the old refresh token before it failed."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    connect(facade, tmp_path / "one", browser, "shaken")
    working(caller, "shaken", "/v1/tickets")
    facade.sql("UPDATE credential_version SET expires_at = now() WHERE credential = 'shaken.tokens'")
    facade.vendors.break_("zendesk", "status", status=503, path="/oauth/tokens")
    refused = until(
        lambda: caller.get("/v1/tickets?connection=shaken"), lambda answer: answer.json().get("category") == "auth"
    )
    why = "Zendesk answered its last refresh with status 503, which may have used up the refresh token"
    assert why in refused.json()["detail"]
    until(lambda: connection_state(caller, "shaken")["note"], lambda note: note == why)
    connect(facade, tmp_path / "two", browser, "shaken")
    # The vendor has just issued tokens: no request has to go first.
    until(lambda: connection_state(caller, "shaken")["state"], lambda state: state == "working")


def auth_failures(facade: Facade, connection: str) -> list[dict[str, Any]]:
    """The errors about a connection's credential in the API's log. Each names the environment."""
    lines = [json.loads(line) for line in facade.api.log.splitlines() if line.startswith("{")]
    failures = [one for one in lines if one["level"] == "error" and one.get("connection") == connection]
    assert {one["deployment.environment.name"] for one in failures} == {"prod"}
    return failures


def test_a_refused_key_is_logged_with_its_version_and_the_vendors_code(facade: Facade, caller: Caller) -> None:
    secret = f"canary-{new_key()}"
    exits(lockstitch("secrets", "set", "old_key", environment=facade.api.environment, text=secret))
    path = "/v1/customers?connection=old-key"
    refused = until(lambda: caller.get(path), lambda answer: "holds no secret" not in answer.text)
    assert code_of(refused, 502) == "vendor-auth-failed"
    (logged,) = auth_failures(facade, "old-key")
    assert (logged["credential"], logged["vendor_code"]) == ("vault:old_key#1", "INVALID_AUTHENTICATION")
    assert logged["correlation_id"] == refused.headers["x-correlation-id"]
    for part in (secret, secret[:14], secret[-14:]):
        assert part not in facade.api.log


def events_of(caller: Caller) -> list[dict[str, Any]]:
    return caller.get("/v1/events", params={"type": "connection.paused"}).json()["data"]


def test_no_part_of_a_secret_is_left_anywhere(
    facade: Facade, caller: Caller, browser: httpx.Client, tmp_path: Path, collector: Collector, store: Portal
) -> None:
    problems = use_static_secrets_and_logins(facade, caller, store)
    with terminal(facade, tmp_path, "app-shop") as shell:
        link = shell.link()
        processes = command_lines()
        callback = at_the_vendor(browser, link)
        cookie = browser.cookies["lockstitch_connect"]
        browser.get(callback)
        assert shell.wait() == 0
        screen = shell.text
    working(caller, "app-shop")
    answer = parse_qs(urlsplit(callback).query)
    exchanged = [call["body"] for call in facade.vendors.calls("shopify") if "code_verifier" in str(call["body"])]
    issued = [token for vendor in ("hubspot", "shopify", "zendesk") for token in facade.vendors.tokens(vendor)]
    assert issued
    verifier = dict(pair.split("=", 1) for pair in exchanged[-1].split("&"))["code_verifier"]
    secrets = {answer["code"][0], answer["state"][0], verifier, cookie, *issued, "shopify-dev-client-secret"}
    secrets |= {PASSWORD, SESSION, STATIC, SIGNING}
    secrets |= {form for secret in secrets for form in forms(secret)}
    database = "".join(rows(facade, table) for table in tables(facade))
    problems += caller.get("/ops/connections").text + facade.lockstitch("connections").stdout
    problems += facade.lockstitch("doctor").stdout + facade.lockstitch("key", "usage", "--json").stdout
    metrics = caller.get("/metrics").text
    spans = until(lambda: b"".join(collector.bodies).decode("latin-1"), lambda sent: "/oauth/callback" in sent)
    logs = facade.api.log + facade.worker.log
    for place in (logs, database, problems, metrics, spans, processes, screen.replace(link, "")):
        assert not [secret for secret in secrets if secret in place]
