"""Attacks on the console, and on the API: what strangers and vendors send is refused, or shown as text."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from app.console.templates import FOLDER
from app.http.admission import MAX_BODY
from app.queue.models import JobFailure
from tests.contract.callers import Caller, expect
from tests.contract.dead_jobs import DeadJobs
from tests.contract.facade import Facade
from tests.contract.operator import Operator, token_in

EVIL: Final = """'"><img src=x onerror=alert(1)><a href="javascript:alert(1)">{{ 7*7 }}</a>"""
TRACES: Final = "http://127.0.0.1:16686/trace/"
IDS: Final = ("dead-letters", "writes", "connections", "subscribers", "coverage", "redrives")
LISTS: Final = {
    "runs": ("find", "key", "connection"),
    "run": ("id",),
    "changes": ("actor", "record", "type", "correlation_id"),
    "dead-letters": ("connection", "kind", "reason", "path", "correlation_id", "after"),
    "writes": ("after",),
    "subscribers": ("after",),
}
LINKS: Final = (
    "{{ root }}/console",
    "{{ root }}{{ following }}",
    "{{ root }}{{ path }}",
    "{{ root }}{{ address }}",
    "#",
)
WITHIN_SETTINGS: Final = ("{{ one.trace_url }}", "{{ report.trace_url }}", "{{ alarm.link }}")
"""Their scheme and host are those of LOCKSTITCH_TRACE_URL and LOCKSTITCH_PUBLIC_URL."""


class Markup(HTMLParser):
    """What a browser would do with a page: its scripts, handlers and links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "hx-get")]


def test_texts_of_others_do_not_become_markup(console_operator: Operator, facade: Facade) -> None:
    dead = DeadJobs(facade)
    failure = JobFailure(category="permanent", reason=EVIL, path=EVIL, mapping=EVIL, revision=1)
    job = dead.new(order_key=f"customer:{EVIL}", payload=f'{{"key": "{EVIL[2:5]}"}}'.encode(), kind=EVIL)
    (letter,) = dead.bury(job, failure=failure)
    pages = [f"/console/{name}?{field}={EVIL}" for name, fields in LISTS.items() for field in fields]
    pages += [f"/console/dead-letters?connection={dead.connection}", f"/console/dead-letters/{letter}"]
    pages += [f"/console/run?id=run-{dead.connection}", f"/console/runs?find={letter}&x={EVIL}", f"/console/nil-{EVIL}"]
    for path in pages:
        answer = console_operator.get(path)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        markup = Markup(answer.text)
        assert not markup.handlers, path
        assert "img" not in markup.elements, path
        assert all(link.startswith(("/console", "#", TRACES)) for link in markup.links), markup.links
        assert ">49<" not in answer.text, path
    assert "onerror=" in console_operator.get(f"/console/dead-letters/{letter}").text
    facade.sql("DELETE FROM dead_letter WHERE connection = $1", dead.connection)


@pytest.mark.parametrize("path", sorted((FOLDER / "html").iterdir()), ids=lambda path: path.stem)
def test_templates_escape_everything_and_link_to_known_places(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\|\s*safe|autoescape|<script(?! src=)|<style|style=|\son[a-z]+=", text)
    assert not re.search(r"\s[\w-]+=\{\{", text), "an attribute without quotes"
    links = re.findall(r'\b(?:href|action|src|hx-get)="([^"]*)', text)
    assert [link for link in links if not link.startswith((*LINKS, *WITHIN_SETTINGS))] == []


def test_characters_that_the_database_cannot_store_are_refused(console_operator: Operator, caller: Caller) -> None:
    for name in IDS:
        for strange in ("%00", "x%00", "%0d%0aset-cookie:%20a=b", "%ff"):
            assert console_operator.get(f"/console/{name}/{strange}").status_code == 404, (name, strange)
    for path in ("/ops/erasures/%00", "/ops/runs/x%00"):
        assert caller.get(path).status_code == 404, path
    for name, fields in LISTS.items():
        for field in fields:
            assert console_operator.get(f"/console/{name}?{field}=x%00").status_code == 422, (name, field)
    for name in ("runs", "changes", "dead-letters", "writes", "subscribers"):
        assert console_operator.get(f"/console/{name}?after=q").status_code == 422, name
    expect(console_operator.get("/console/runs?" + "a=1&" * 1001), 422)
    assert console_operator.get("/console/sign-in?to=%00").status_code == 422
    paused = "/console/connections/pausable/pause"
    assert console_operator.submit("/console", paused, {"note": "\0"}).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"origin": "http://["},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "hx-request": "true"},
    ],
)
def test_forms_of_other_pages_are_refused(facade: Facade, headers: dict[str, str]) -> None:
    """As if the page at another port had set the cookie of the form, which it can where both have the same host."""
    key = facade.make_key("ops:read").secret
    with Operator(facade.api.url) as browser:
        form = {"csrf": token_in(browser.get("/console/sign-in")), "key": key}
        assert browser.post("/console/sign-in", data=form, headers=headers).status_code == 403
        own = {"origin": facade.api.url}
        assert browser.post("/console/sign-in", data=form, headers=own).status_code == 303


def test_actions_need_a_form_of_bounded_size(console_operator: Operator, facade: Facade) -> None:
    action = "/console/connections/pausable/pause"
    assert console_operator.get(f"{action}?note=x").status_code == 405
    token = token_in(console_operator.get("/console"))
    many = {"csrf": token, "note": "x"} | {f"x{number}": "" for number in range(1001)}
    assert console_operator.post(action, data=many).status_code == 403
    assert console_operator.post(action, data={"csrf": token, "note": "x" * MAX_BODY}).status_code == 413
    plain = {"content-type": "text/plain"}
    assert console_operator.post(action, content=f"csrf={token}&note=x", headers=plain).status_code == 415
    assert facade.sql("SELECT FROM lane WHERE connection = 'pausable' AND blocked_reason IS NOT NULL") == []


def test_cookies_that_are_no_session_are_none(facade: Facade) -> None:
    for cookie in ("x", "%00", "a" * 10_000, '"; lockstitch_console="'):
        with Operator(facade.api.url) as browser:
            answer = browser.get("/console", headers={"cookie": f"lockstitch_console={cookie}"})
            assert answer.status_code == 303, cookie
