"""HTML of messages, and the plain text that Freshdesk derives from it."""

import html
import re

SCRIPT = re.compile(r"<(script|style)\b.*?</\1\s*>|<(script|style)\b[^>]*>", re.IGNORECASE | re.DOTALL)
HANDLER = re.compile(r"""\son\w+\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h\d)\s*>", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")


def safe(text: str) -> str:
    """Return HTML without active content."""
    return HANDLER.sub("", SCRIPT.sub("", text))


def plain(text: str) -> str:
    """Return the text of HTML: a line for each break and block, entities as characters."""
    return html.unescape(TAG.sub("", BREAK.sub("\n", text))).strip()
