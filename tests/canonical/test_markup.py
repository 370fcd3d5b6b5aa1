"""HTML of others: what is shown, what is left out and said to be, and that long texts keep their form."""

import re

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.markup import MOST_OPEN
from canonical.parts import Loss
from mappings.kit.html import sanitised

LONG = "<p>One of many lines.</p>" * 100
"""Enough tags for a text to be put in order first."""


def sanitised_with_loss(html: str) -> tuple[str, list[Loss]]:
    loss: list[Loss] = []
    return sanitised(html, "/body_html", loss), loss


def depth(html: str) -> int:
    now = deepest = 0
    for end in re.findall(r"<(/?)[a-z]+", html):
        now += -1 if end else 1
        deepest = max(deepest, now)
    return deepest


@pytest.mark.parametrize("head", ["<title>Mail</title>", "<script>x()</script>", "<style>p {}</style>"])
@pytest.mark.parametrize("rest", ["", LONG])
def test_invisible_markup_is_omitted(head: str, rest: str) -> None:
    safe, loss = sanitised_with_loss(f"<head>{head}</head><p>Hello</p>{rest}")
    assert safe == f"<p>Hello</p>{rest}"
    assert loss == [Loss(path="/body_html", kind="coerced", detail="sanitised")]


AS_IT_IS = {
    "links and lists": '<ul><li><a href="https://example.com/?a=1&amp;b=2" rel="noopener noreferrer">x</a></li></ul>',
    "tables": '<table><tbody><tr><td colspan="2"><b>1</b></td></tr></tbody></table>',
    "pictures": '<img alt="a > b" src="https://example.com/x.png"><br>1 &lt; 2',
    "quotes": "<blockquote><div><p><i>Once</i> <u>more</u></p></div></blockquote>",
}


@pytest.mark.parametrize("html", AS_IT_IS.values(), ids=AS_IT_IS.keys())
def test_a_long_text_that_is_well_formed_stays_as_it_is(html: str) -> None:
    html = nh3.clean(html)
    assert sanitised_with_loss(html * 120) == (html * 120, [])


SLOPPY = {
    "paragraphs": "<div><p>One<p>Two</div>",
    "list items": "<ul><li>One<li>Two<ul><li>Three</ul></ul>",
    "cells": "<table><tr><td>1<td>2<tr><th>3</table>",
    "terms": "<dl><dt>a<dd>b<dt>c<dd>d</dl>",
    "a block in a paragraph": "<p>One<div>Two</div>",
    "a stray end tag in a cell": "<div><table><tr><td>One</div></td></tr></table></div>",
    "capitals": "<DIV><P CLASS=x>One</P></DIV>",
    "comments": "<p>One<!-- > <b> --><!--[if mso]><b><![endif]-->Two<!----></p>",
    "namespaces": "<p><o:p>One</o:p></p><font color=red><form>Two</form></font>",
}


@pytest.mark.parametrize("html", SLOPPY.values(), ids=SLOPPY.keys())
def test_end_tags_that_are_left_out_are_understood(html: str) -> None:
    assert sanitised_with_loss(LONG + html)[0] == LONG + nh3.clean(html)


@pytest.mark.parametrize("opening", ["<div>", "<b title=x>", "<ul><li>", "<div><table><tr><td>", "<blockquote><p>"])
def test_what_is_nested_without_end_keeps_its_words(opening: str) -> None:
    safe, loss = sanitised_with_loss(f"{opening}word " * 2_000)
    assert safe.count("word") == 2_000
    assert depth(safe) <= 2 * MOST_OPEN  # rows and bodies of tables are added where they were left out
    assert [one.kind for one in loss] == ["coerced"]


def test_formatting_that_is_never_closed_is_not_multiplied() -> None:
    html = "<p>" + "".join(f"<i title={number}>" for number in range(500)) + "<p>x" * 500
    assert len(sanitised_with_loss(html)[0]) < 3 * len(html)


@pytest.mark.parametrize(("part", "left"), [("<b>x</b>", "<b>x</b>" * 50_000), ("x&amp;", "x&amp;" * 100_000 + "x")])
def test_more_tags_than_anybody_reads_are_cut_off_and_it_is_said(part: str, left: str) -> None:
    assert sanitised_with_loss(part * 120_000) == (
        left,
        [Loss(path="/body_html", kind="truncated", detail="truncated after 100,000 tags")],
    )


REFERENCES = "&amp; &lt;b&gt; &nbsp;&copy &Auml;&#228;&#xe4; & &b; &notit; &#99999999999; &#x110000; &ampx;"


def test_references_mean_the_same_in_a_long_text() -> None:
    html = f"<p>{REFERENCES}</p>"
    assert sanitised_with_loss(LONG + html)[0] == LONG + nh3.clean(html)


@pytest.mark.parametrize("around", ["{}", "<p>{}</p>x", "<table>{}<tr><td>{}</td> </tr></table>", "<pre>\n{}</pre>"])
def test_text_of_many_references_stays_as_it_is(around: str) -> None:
    html = around.replace("{}", "a &amp; \u00ab&nbsp;b\u00bb &lt;\n" * 1_000)
    assert sanitised_with_loss(html)[0] == nh3.clean(html)


def test_a_number_that_is_no_character_is_shown_as_none() -> None:
    assert sanitised_with_loss(f"{LONG}a&#{'9' * 5_000};b&#x{'f' * 5_000};c")[0] == f"{LONG}a\ufffdb\ufffdc"


def test_a_picture_inside_the_text_is_left_out_and_the_rest_stays() -> None:
    safe, _ = sanitised_with_loss(f'<p>Before</p><img src="data:image/png;base64,{"A" * 2_000_000}"><p>After</p>')
    assert safe == "<p>Before</p><img><p>After</p>"


TOKENS = (
    "<p>|</p>|<b>|</b>|<div>|</div>|<table>|</table>|<tr>|<td>|<li>|<ul>|x|<|<a href=/x>|</a>|<!--|-->|<![ |<script>"
    """|</script>|<i title="|">|'|&#60;|<svg>|<img src=x onerror=y()>|<style>|<title>|</title>|<math>|<h1>"""
    "|<a href='javascript:y()'>"
)
SOUP = st.lists(st.sampled_from(TOKENS.split("|")), max_size=60).map("".join)


@given(SOUP)
def test_what_is_put_in_order_is_as_safe(soup: str) -> None:
    safe, _ = sanitised_with_loss(LONG + soup)
    assert nh3.clean(safe) == safe
    assert not re.search(r"<(script|svg|math|style|title)|onerror|javascript", safe)


@given(SOUP)
def test_words_outside_of_tags_stay(soup: str) -> None:
    assert sanitised_with_loss(f"{LONG}<p>first</p>{soup}")[0].startswith(f"{LONG}<p>first</p>")
