"""Sanitise untrusted HTML in linear time.

nh3 (an HTML 5 parser) searches its list of open elements at every tag. Ten thousand unclosed tags take seconds. Long
texts are therefore normalised first: matching end tags, at most `MOST_OPEN` nested elements, no tags that nh3 would
remove. The displayed result stays the same up to that depth.
"""

import re
from collections import Counter
from html import escape, unescape
from itertools import islice
from typing import Final

import nh3

MOST_OPEN: Final = 100
"""Nested elements. The tags of deeper elements are dropped; their text is kept."""
MOST_MARKS: Final = 100_000
"""Tags and references (`&amp;`) in one text. The rest is cut off and reported as a loss."""
LONGEST_TAG: Final = 8_192
"""Characters of a tag with its attributes. A longer tag loses its attributes: it holds an image as a `data:` URL, which
nh3 removes as well."""
_SCANNED: Final = 256
"""`&` and characters from U+0080 to U+00BF between two comments: see `_text`."""
_FEW_TAGS: Final = 100
_SHORT: Final = 16_384
"""Within both limits nh3 needs only milliseconds for any text."""

# Created once: preparing it takes longer than cleaning most messages.
_CLEANER: Final = nh3.Cleaner(
    attributes={**nh3.ALLOWED_ATTRIBUTES, "*": {"dir"}}, clean_content_tags={"script", "style", "title"}
)
_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "wbr"})
_CELLS: Final = frozenset({"table", "td", "th", "caption"})
"""Elements that limit the effect of an end tag or a new paragraph."""
_BLOCKS: Final = frozenset(
    {"article", "aside", "blockquote", "center", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "footer"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "li", "nav", "ol", "p", "pre", "summary", "table"}
    | {"ul"}
)
"""Elements whose start tag ends an open paragraph."""
_TABLE: Final = frozenset({"table"})
_FRAMES: Final = frozenset({"table", "tbody", "thead", "tr", "colgroup"})
_INSIDE_FRAMES: Final = frozenset({"tbody", "thead", "tr", "td", "th", "caption", "col", "colgroup"})
"""The only tags allowed between a table and its cells. nh3 moves any other in front of the table."""
_ENDED_BY: Final = {
    "a": (frozenset({"a"}), _CELLS),
    "li": (frozenset({"li"}), _CELLS | {"ol", "ul"}),
    **dict.fromkeys(("dd", "dt"), (frozenset({"dd", "dt"}), _CELLS | {"dl"})),
    **dict.fromkeys(("td", "th"), (frozenset({"td", "th"}), _TABLE)),
    "tr": (frozenset({"tr", "caption"}), _TABLE),
    **dict.fromkeys(("tbody", "thead", "colgroup"), (frozenset({"tbody", "thead", "colgroup", "caption"}), _TABLE)),
}
"""By start tag: the open elements that it ends implicitly, and the elements that limit the search for them."""

_MARK: Final = re.compile("[<&]")
_SCANNED_AT: Final = re.compile("(?=[&\x80-\xbf])")
_NO_CHARACTER: Final = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
# A tag ends where HTML 5 ends it; anything else is text. The expression never backtracks: all repetitions are
# possessive, and no attribute value contains the beginning of another tag.
_TOKEN: Final = re.compile(
    r"""
      <!--(?: -?> | .*? (?: --!?> | \Z ) )
    | < (?P<silent> script | style | title ) (?= [\ \t\n\f\r/>] ) [^>]*+ .*? (?: </ (?P=silent) [^>]*+ >? | \Z )
    | < (?P<end> /? ) (?P<name> [a-z] [^\ \t\n\f\r/<>]*+ )
        (?: [\ \t\n\f\r/]*+ [^\ \t\n\f\r/<>=\"']++
            (?: [\ \t\n\f\r]*+ = [\ \t\n\f\r]*+ (?: "[^"<]*+" | '[^'<]*+' | [^\ \t\n\f\r"'<>] [^\ \t\n\f\r<>]*+ ) )?+
        )*+ [\ \t\n\f\r/]*+ >
    | </? [a-z] [^<>]*+ >?  # an unfinished tag is not text either
    | <[!?/] [^>]*+ >?
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def is_cut(html: str) -> bool:
    """Return whether a text exceeds `MOST_MARKS`."""
    return html.count("<") + html.count("&") > MOST_MARKS


def safe_html(html: str) -> str:
    """Return HTML without scripts, handlers, styles or frames; safe to display."""
    if is_cut(html):
        html = html[: next(islice(_MARK.finditer(html), MOST_MARKS, None)).start()]
    if len(html) > _SHORT or html.count("<") > _FEW_TAGS:
        html = _normalised(html)
    return _CLEANER.clean(html)


def _text(text: str) -> str:
    """Resolve and re-escape the references of a text, and put comments between many, which nh3 removes: for each `&`
    and each character from U+0080 to U+00BF it scans all the text up to the next tag or comment."""
    parts = _SCANNED_AT.split(escape(unescape(_NO_CHARACTER.sub("\ufffd", text)), quote=False))
    return "<!---->".join("".join(parts[at : at + _SCANNED]) for at in range(0, len(parts), _SCANNED))


def _normalised(html: str) -> str:
    """Return the same HTML with properly nested tags."""
    out: list[str] = []
    opened: list[str] = []
    dropped: Counter[str] = Counter()

    def end(names: frozenset[str], within: frozenset[str]) -> None:
        if names.isdisjoint(opened):
            return
        for place in range(len(opened) - 1, -1, -1):
            if opened[place] in names:
                out.extend(f"</{name}>" for name in reversed(opened[place:]))
                del opened[place:]
                return
            if opened[place] in within:
                return

    position = 0
    for token in _TOKEN.finditer(html):
        out.append(_text(html[position : token.start()]))
        position = token.end()
        name = (token["name"] or "").lower()
        if name not in nh3.ALLOWED_TAGS:
            continue
        if token["end"]:
            if dropped[name]:
                dropped[name] -= 1
            else:
                end(frozenset({name}), _TABLE if name in _INSIDE_FRAMES or name == "table" else _CELLS)
            continue
        if name in _BLOCKS:
            end(frozenset({"p"}), _CELLS)
        if name in _ENDED_BY:
            end(*_ENDED_BY[name])
        misplaced = bool(opened) and opened[-1] in _FRAMES and name not in _INSIDE_FRAMES
        if name not in _VOID:
            if len(opened) == MOST_OPEN or misplaced:
                dropped[name] += 1
                continue
            opened.append(name)
        out.append(token[0] if len(token[0]) <= LONGEST_TAG else f"<{name}>")
    out.append(_text(html[position:]))
    return "".join(out)
