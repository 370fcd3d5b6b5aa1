"""The reference for people: whole, safe, and readable without a network."""

from html.parser import HTMLParser

import pytest

from app.errors import CATALOGUE
from app.openapi.page import render_page
from tests.openapi.whole_api import DOCUMENT

VOID = {"meta", "br"}


class Page(HTMLParser):
    """What stands on a page; raises AssertionError where its tags do not close each other."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def page() -> Page:
    """The page of the whole API."""
    return Page(render_page(DOCUMENT))


def test_nothing_runs_and_nothing_comes_from_elsewhere(page: Page) -> None:
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form"}
    assert not {name for name in page.attributes if name.startswith("on")} | page.attributes & {"src", "style"}
    assert all(link.startswith(("#", "/schema", "/problems/")) for link in page.links)


def test_every_operation_and_every_shape_can_be_jumped_to(page: Page) -> None:
    operations = {call["operationId"] for methods in DOCUMENT["paths"].values() for call in methods.values()}
    assert operations | DOCUMENT["components"]["schemas"].keys() <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert operations <= {link[1:] for link in page.links}


def test_problems_lead_to_their_explanation(page: Page) -> None:
    linked = {link.removeprefix("/problems/") for link in page.links if link.startswith("/problems/")}
    assert linked <= CATALOGUE.keys()
    assert {"idempotency-key-reused", "vendor-throttled", "not-found"} <= linked


def test_what_the_document_says_is_shown(page: Page) -> None:
    text = " ".join(page.texts)
    assert DOCUMENT["info"]["summary"] in text
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert operation["summary"] in text


def test_text_is_escaped() -> None:
    hostile = {**DOCUMENT, "info": {**DOCUMENT["info"], "summary": "<script>alert(1)</script>"}}
    assert "<script" not in render_page(hostile)
