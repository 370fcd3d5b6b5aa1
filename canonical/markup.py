"""HTML that others wrote, made safe to show in time that grows with its length.

nh3 (the parser of HTML 5) keeps a list of what is open and goes through it at every tag. Ten thousand tags that nobody
closes take seconds. So what is long is put in order first: end tags that match, at most `MOST_OPEN` elements inside
each other, no tags that nh3 would take out. What a reader sees stays the same up to that depth.
"""

import re
from collections import Counter
from html import escape, unescape
from itertools import islice
from typing import Final

import nh3

MOST_OPEN: Final = 100
"""Elements inside each other. The tags of deeper ones are left out; their text stays."""
MOST_MARKS: Final = 100_000
"""Tags and references (`&amp;`) of one text. What follows is cut off, and the loss says so."""
LONGEST_TAG: Final = 8_192
"""Characters of a tag with its attributes. A longer one loses them: it holds a picture as a `data:` URL, which nh3
takes out as well."""
_FEW_TAGS: Final = 100
_SHORT: Final = 16_384
"""Up to both of these nh3 takes milliseconds, whatever the text is."""

# Made once: preparing it takes longer than cleaning most messages.
_CLEANER: Final = nh3.Cleaner(
    attributes={**nh3.ALLOWED_ATTRIBUTES, "*": {"dir"}}, clean_content_tags={"script", "style", "title"}
)
_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "wbr"})
_CELLS: Final = frozenset({"table", "td", "th", "caption"})
"""What no end tag and no new paragraph reaches beyond."""
_BLOCKS: Final = frozenset(
    {"article", "aside", "blockquote", "center", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "footer"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "li", "nav", "ol", "p", "pre", "summary", "table"}
    | {"ul"}
)
"""Their start tag ends an open paragraph."""
_TABLE: Final = frozenset({"table"})
_FRAMES: Final = frozenset({"table", "tbody", "thead", "tr", "colgroup"})
_INSIDE_FRAMES: Final = frozenset({"tbody", "thead", "tr", "td", "th", "caption", "col", "colgroup"})
"""The only tags between a table and its cells. nh3 would move any other in front of the table, past all before it."""
_ENDED_BY: Final = {
    "a": (frozenset({"a"}), _CELLS),
    "li": (frozenset({"li"}), _CELLS | {"ol", "ul"}),
    **dict.fromkeys(("dd", "dt"), (frozenset({"dd", "dt"}), _CELLS | {"dl"})),
    **dict.fromkeys(("td", "th"), (frozenset({"td", "th"}), _TABLE)),
    "tr": (frozenset({"tr", "caption"}), _TABLE),
    **dict.fromkeys(("tbody", "thead", "colgroup"), (frozenset({"tbody", "thead", "colgroup", "caption"}), _TABLE)),
}
"""What a start tag ends, where its end tag was left out, and what that may not lie outside of."""

_MARK: Final = re.compile("[<&]")
_NO_CHARACTER: Final = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
# A tag ends where HTML 5 says that it does, or it is text. Nothing in here is gone through twice: what was taken is not
# given back, and no value of an attribute holds the beginning of another tag.
_TOKEN: Final = re.compile(
    r"""
      <!--(?: -?> | .*? (?: --!?> | \Z ) )
    | < (?P<silent> script | style | title ) (?= [\ \t\n\f\r/>] ) [^>]*+ .*? (?: </ (?P=silent) [^>]*+ >? | \Z )
    | < (?P<end> /? ) (?P<name> [a-z] [^\ \t\n\f\r/<>]*+ )
        (?: [\ \t\n\f\r/]*+ [^\ \t\n\f\r/<>=\"']++
            (?: [\ \t\n\f\r]*+ = [\ \t\n\f\r]*+ (?: "[^"<]*+" | '[^'<]*+' | [^\ \t\n\f\r"'<>] [^\ \t\n\f\r<>]*+ ) )?+
        )*+ [\ \t\n\f\r/]*+ >
    | </? [a-z] [^<>]*+ >?  # an unfinished one is no text either
    | <[!?/] [^>]*+ >?
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def is_cut(html: str) -> bool:
    """Whether it has more tags and references than are read."""
    return html.count("<") + html.count("&") > MOST_MARKS


def safe_html(html: str) -> str:
    """HTML without scripts, handlers, styles or frames, safe to show in a console."""
    if is_cut(html):
        html = html[: next(islice(_MARK.finditer(html), MOST_MARKS, None)).start()]
    if len(html) > _SHORT or html.count("<") > _FEW_TAGS:
        html = _in_order(html)
    return _CLEANER.clean(html)


def _text(text: str) -> str:
    """Text with its references resolved: to nh3 each `&` that begins none costs as much as all that follows it."""
    return escape(unescape(_NO_CHARACTER.sub("\ufffd", text)), quote=False)


def _in_order(html: str) -> str:
    """The same with tags that nest."""
    out: list[str] = []
    opened: list[str] = []
    left_out: Counter[str] = Counter()

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

    behind = 0
    for token in _TOKEN.finditer(html):
        out.append(_text(html[behind : token.start()]))
        behind = token.end()
        name = (token["name"] or "").lower()
        if name not in nh3.ALLOWED_TAGS:
            continue
        if token["end"]:
            if left_out[name]:
                left_out[name] -= 1
            else:
                end(frozenset({name}), _TABLE if name in _INSIDE_FRAMES or name == "table" else _CELLS)
            continue
        if name in _BLOCKS:
            end(frozenset({"p"}), _CELLS)
        if name in _ENDED_BY:
            end(*_ENDED_BY[name])
        astray = bool(opened) and opened[-1] in _FRAMES and name not in _INSIDE_FRAMES
        if name not in _VOID:
            if len(opened) == MOST_OPEN or astray:
                left_out[name] += 1
                continue
            opened.append(name)
        out.append(token[0] if len(token[0]) <= LONGEST_TAG else f"<{name}>")
    out.append(_text(html[behind:]))
    return "".join(out)
