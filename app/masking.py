"""Texts of others without the people in them: vendors and parsers like to repeat what they were sent.

E-mail addresses and telephone numbers in E.164 are recognised by their shape. A name has none: who quotes a value into
a text of ours leaves it out instead.
"""

import re
from typing import Final

_OUTSIDE: Final = r"\s@\"'`<>(),;:\[\]{}/\\|"
_EMAIL: Final = re.compile(rf"[^{_OUTSIDE}]{{1,64}}(?:@|%40)[^{_OUTSIDE}]{{1,255}}", re.IGNORECASE)
_DOMAIN: Final = re.compile(r"(?:@|%40).*\..", re.IGNORECASE)
_PHONE: Final = re.compile(r"(?:\+|%2B|\b00)[1-9][0-9]{6,14}\b", re.IGNORECASE)


def without_people(text: str) -> str:
    """The text with `(e-mail)` and `(phone)` in place of what looks like one; both may stand in a path."""
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(lambda found: "(e-mail)" if _DOMAIN.search(found[0]) else found[0], text)
    return _PHONE.sub("(phone)", text)
