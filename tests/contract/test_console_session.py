"""Signing in at the console: who may see and do what, and what a session survives."""

import re
from collections.abc import Iterator

import pytest

from tests.contract.callers import expect
from tests.contract.facade import Facade
from tests.contract.operator import FROM_ANOTHER_SITE, SESSION, Operator, token_in

OPERATION = "op_0198f0a2b7c47d3c9a51f2e80b6c4d17"


@pytest.fixture
def operator(facade: Facade) -> Iterator[Operator]:
    """A browser that is not signed in."""
    with Operator(facade.api.url) as browser:
        yield browser


@pytest.fixture(scope="module")
def reader(running_facade: Facade) -> str:
    """A key that may read only."""
    return running_facade.make_key("ops:read").secret


def test_a_page_leads_to_the_sign_in_and_back(operator: Operator, reader: str) -> None:
    answer = operator.get("/console?page=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?to=%2Fconsole%3Fpage%3D2")
    form = operator.get(answer.headers["location"])
    assert 'name="to" value="/console?page=2"' in form.text
    entered = operator.sign_in(reader, "/console?page=2")
    assert (entered.status_code, entered.headers["location"]) == (303, "/console?page=2")
    page = expect(operator.get("/console"))
    assert "(read-only)" in page.text


def test_every_answer_forbids_scripts_frames_and_caches(operator: Operator, reader: str) -> None:
    operator.sign_in(reader)
    answers = [operator.get(path) for path in ("/console", "/console/sign-in", "/console/assets/none.js")]
    answers += [operator.get("/console/none"), operator.request("DELETE", "/console/runs")]
    for headers in (answer.headers for answer in answers):
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_the_session_cookie_is_for_this_console_only(operator: Operator, facade: Facade, reader: str) -> None:
    cookies = operator.sign_in(reader).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith(f"{SESSION}="))
    attributes = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/console", "max-age=43200"} <= attributes
    assert "secure" not in attributes
    with facade.another_api(LOCKSTITCH_PUBLIC_URL="https://lockstitch.example/base") as other:
        with Operator(other.url) as browser:
            cookie = browser.get("/console/sign-in").headers["set-cookie"].lower()
            assert "secure" in cookie
            assert "path=/base/console" in cookie
        # A session is valid at every process.
        assert operator.get(f"{other.url}/console").status_code == 200


def test_signing_in_replaces_the_session_of_the_browser(operator: Operator, reader: str) -> None:
    operator.session = "chosen-by-another"
    operator.sign_in(reader)
    first = operator.session
    assert first != "chosen-by-another"
    with Operator(str(operator.base_url)) as second:
        token = token_in(second.get("/console/sign-in"))
        second.session = first
        second.post("/console/sign-in", data={"csrf": token, "key": reader})
        assert second.session != first
    assert operator.get("/console").status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/console@evil.example",
        "/console/../v1",
        "/console/%2e%2e/v1",
        "/consoles",
        "/console\r\nset-cookie: a=b",
        "javascript:alert(1)",
    ],
)
def test_the_sign_in_leads_to_pages_of_the_console_only(operator: Operator, reader: str, target: str) -> None:
    assert operator.sign_in(reader, target).headers["location"] == "/console"
    assert operator.get("/console/sign-in", params={"to": target}).headers["location"] == "/console"


def test_wrong_keys_are_refused(operator: Operator, facade: Facade) -> None:
    refused = expect(operator.sign_in("lsk_dev_wrong"), 401)
    assert "unknown, expired or revoked" in refused.text
    lacking = expect(operator.sign_in(facade.make_key("orders:read").secret), 403)
    assert "no scope ops:read" in lacking.text
    assert SESSION not in operator.cookies


def test_a_form_without_the_token_does_nothing(operator: Operator, reader: str) -> None:
    expect(operator.post("/console/sign-in", data={"key": reader}), 403)
    operator.sign_in(reader)
    for fields in ({"other": "1"}, {"csrf": "0" * 64}, {"csrf": "ü"}):
        assert operator.post("/console/sign-out", data=fields).status_code == 403
    assert operator.submit("/console", "/console/sign-out", headers=FROM_ANOTHER_SITE).status_code == 403
    typed = expect(operator.post("/console/sign-out", json={}), 415)
    assert "Go back, load the page again, and use its form" in typed.text
    misplaced = operator.get(f"/console/dead-letters/{OPERATION}").text
    assert f"names an operation, not a dead letter: lockstitch operations show {OPERATION}." in misplaced
    assert operator.get("/console").status_code == 200


def test_a_session_ends_with_a_sign_out(operator: Operator, reader: str) -> None:
    operator.sign_in(reader)
    assert operator.submit("/console", "/console/sign-out").status_code == 303
    assert operator.get("/console").status_code == 303


def test_a_session_ends_with_its_key(operator: Operator, facade: Facade) -> None:
    key = facade.make_key("ops:read")
    operator.sign_in(key.secret)
    assert operator.get("/console").status_code == 200
    facade.with_keys(lambda keys: keys.revoke(key.name))
    ended = expect(operator.get("/console"), 303)
    # A refresh of a part of a page leads the whole page to the sign-in.
    part = operator.get("/console", headers={"hx-request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (200, ended.headers["location"])


@pytest.mark.parametrize(
    ("action", "page"),
    [
        ("/console/connections/crm/mappings/hubspot.customer/route", "/console/connections/crm"),
        (f"/console/writes/{OPERATION}/check", f"/console/writes/{OPERATION}"),
        ("/console/persons/erase", "/console/persons"),
        ("/console/redrives", "/console"),
    ],
)
def test_an_action_after_the_session_leads_to_the_sign_in_and_back(
    operator: Operator, facade: Facade, action: str, page: str
) -> None:
    key = facade.make_key("ops:read", "ops:write")
    operator.sign_in(key.secret)
    facade.with_keys(lambda keys: keys.revoke(key.name))
    ended = expect(operator.post(action, data={"csrf": "0" * 64}), 401)
    assert "Your session has ended, and nothing was done." in ended.text
    assert f'name="to" value="{page}"' in ended.text
    fields = {"csrf": token_in(ended), "to": page, "key": facade.make_key("ops:read").secret}
    assert operator.post("/console/sign-in", data=fields).headers["location"] == page


def test_a_link_from_another_site_is_followed_once_more(operator: Operator, reader: str) -> None:
    again = expect(operator.get("/console?a=%22%3E%3Cb", headers=FROM_ANOTHER_SITE))
    assert 'http-equiv="refresh" content="0"' in again.text
    assert '"><b' not in again.text
    assert "set-cookie" not in again.headers


def test_every_problem_is_a_page_for_operators(operator: Operator, reader: str) -> None:
    operator.sign_in(reader)
    problems = {
        "There is no page /console/runs/ here. Use the links above": operator.get("/console/runs/"),
        "There is no page /console/&lt;b&gt;/x here.": operator.get("/console/<b>/x"),
        "This address takes the form of a button": operator.get("/console/sign-out"),
        "The lists of the console": operator.get("/console/connections/nowhere"),
        "Go back, and correct it.": operator.get("/console/dead-letters?state=shut"),
        "lockstitch key create NAME --scope ops:read --scope ops:write": operator.submit(
            "/console", "/console/redrives", {"confirmed": "1"}
        ),
    }
    for text, answer in problems.items():
        assert answer.headers["content-type"] == "text/html; charset=utf-8", text
        assert text in re.sub(r"\s+", " ", re.sub(r"</?(?:p|h1|code)[^>]*>", " ", answer.text)), answer.text
        assert 'href="/console/connections"' in answer.text, text
        for foreign in ("/schema", "header", "the request", "<b>"):
            assert foreign not in answer.text.partition("<main")[2], (text, foreign)
    assert [answer.status_code for answer in problems.values()] == [404, 404, 405, 404, 422, 403]
    assert problems["This address takes the form of a button"].headers["allow"] == "OPTIONS, POST"
    assert operator.request("OPTIONS", "/console/runs").status_code == 204
    assert operator.get("/consoles").headers["content-type"] == "application/json"
