"""Sanitise HTML in vendor records."""

import re

from canonical import markup, values
from canonical.parts import Loss


def sanitised(html: str, path: str, loss: list[Loss], *, own: re.Pattern[str] | None = None) -> str:
    """Return HTML that is safe to display. Add a loss at `path` if more than class names was removed. `own` matches a
    `<div>` that the vendor puts around every text."""
    safe = values.safe_html(html)
    if markup.is_cut(html):
        loss.append(Loss(path=path, kind="truncated", detail=f"truncated after {markup.MOST_MARKS:,} tags"))
    elif values.is_html_lost(html if own is None else own.sub("<div>", html), safe):
        loss.append(Loss(path=path, kind="coerced", detail="sanitised"))
    return safe
