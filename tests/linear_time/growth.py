"""How the CPU time of a reader grows with what it reads."""

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import Struct

ENOUGH: Final = 0.02
"""Seconds. A text is doubled until it takes so long, or is as long as it can be."""
MOST: Final = 3.0
"""Times as long for twice the text: 2 is linear, 4 is quadratic."""
_RUNS: Final = 5
SHORT: Final = 2_048
_PROMPT: Final = 0.0002
"""Seconds for the longer of two short texts. What is quadratic takes longer."""
_SUSPECT: Final = 6.0
"""Times as long for four times the text."""
_BRIEF: Final = 512
_BRIEFLY: Final = 0.00002
"""Seconds for four times a brief text. What is quadratic and quicker takes less than `ENOUGH` for 64 KiB."""
_BRIEF_SUSPECT: Final = 4.5
"""Times as long for four times a brief text: what is a sixth quadratic at `SHORT` is so little quadratic here."""


class Attack(Struct, frozen=True):
    """Texts of any length: a beginning, a part that is repeated, an end."""

    beginning: str
    part: str
    end: str = ""

    def of(self, size: int) -> str:
        """About so many characters."""
        return self.beginning + self.part * (size // len(self.part)) + self.end


def growth(read: Callable[[Any], object], text_of: Callable[[int], Any], longest: int) -> float:
    """How many times as long `read` takes for a text of twice the size, at the size where that counts."""
    size, before = SHORT, 0.0
    now = _seconds(read, text_of(size))
    while now < ENOUGH and size < longest:
        size, before = min(2 * size, longest), now
        now = _seconds(read, text_of(size))
    if now < ENOUGH:
        return 1.0  # quick enough at its longest, however it grows
    if before and now / before < MOST * 0.9:
        return now / before
    # Memory comes in steps: a jump from one size to the next is no growth, two in a row are.
    end = min(2 * size, longest)
    return min(_doubled(read, text_of, end), _doubled(read, text_of, end // 2))


def is_suspect(read: Callable[[Any], object], text_of: Callable[[int], Any], longest: int, short: int = SHORT) -> bool:
    """Whether it is worth a closer look, by one reading each of a short text and of a longer one."""
    short, long = min(short, longest // 4), min(4 * short, longest)
    second = _seconds(read, text_of(long))
    return second > _PROMPT and second / max(_seconds(read, text_of(short)), 1e-6) > _SUSPECT


def may_grow(read: Callable[[Any], object], text_of: Callable[[int], Any], longest: int) -> bool:
    """Whether it is worth a closer look, by texts so brief that ten thousands of them can be tried. For what reads
    64 KiB at most."""
    brief, long = text_of(min(_BRIEF, longest // 4)), text_of(min(4 * _BRIEF, longest))
    second = _seconds(read, long)
    if second <= _BRIEFLY or second / max(_seconds(read, brief), 1e-6) <= _BRIEF_SUSPECT:
        return False
    return _best(read, long) / max(_best(read, brief), 1e-6) > _BRIEF_SUSPECT


def quadrupled(read: Callable[[Any], object], items_of: Callable[[int], Any], count: int) -> float:
    """How many times as long `read` takes for four times as many items: 4 is linear, 16 is quadratic."""
    read(items_of(count))  # what only a first call does is no growth
    few, many = _best(read, items_of(count)), items_of(4 * count)
    once = _seconds(read, many) / few
    return once if once <= _SUSPECT else _best(read, many) / _best(read, items_of(count))  # both at the same time


def _doubled(read: Callable[[Any], object], text_of: Callable[[int], Any], size: int) -> float:
    half, whole = text_of(size // 2), text_of(size)
    return _best(read, whole) / max(_best(read, half), 1e-6)


def _best(read: Callable[[Any], object], text: Any) -> float:
    return min(_seconds(read, text) for _ in range(_RUNS))


def _seconds(read: Callable[[Any], object], text: Any) -> float:
    """CPU time of this thread; without the collector, which comes when it likes."""
    gc.disable()
    try:
        began = time.thread_time()
        read(text)
        return time.thread_time() - began
    finally:
        gc.enable()


PARTS: Final = (
    *(
        " ",
        "\t",
        "\n",
        ",",
        ";",
        ":",
        "=",
        '"',
        "'",
        "\\",
        "<",
        ">",
        "(",
        "[",
        "{",
        "-",
        "+",
        "@",
        ".",
        "0",
        "a",
        "%",
        "&",
    ),
    # A soft hyphen, a space that does not break, an emoji with its joiner, a mark of direction.
    *("\u00ad", "\u00a0", "\U0001f468\u200d", "\u202e"),
    *("\u0301", "\ufdfa", "é", "a,", "a@", "a.", '\\"', "a=", "%40", "[]", "{}", "=?", "&#9", "&#9;", "1,", "a "),
    *("<b>", "</b>", "<a ", "<a x='", "<!", "<!--", "<![ ", "<p><i>", "<table><b>", "<div><td></div>", "<script>"),
)
BEGINNINGS: Final = ("", "a", '"')
ADDRESSES: Final = tuple(Attack(beginning, part, "@b.de") for part in PARTS for beginning in ("", "(", "a:"))
"""Texts that are hard for what reads addresses."""


def attacks() -> Iterator[Attack]:
    """Texts that are hard for somebody."""
    for part in PARTS:
        for beginning in BEGINNINGS:
            yield Attack(beginning, part)
