"""HTML in a vendor's record."""

from canonical import markup, values
from canonical.parts import Loss


def sanitised(html: str, path: str, loss: list[Loss]) -> str:
    """The HTML, safe to show. `loss` gets a line at `path` where anything was taken out."""
    safe = values.safe_html(html)
    if markup.is_cut(html):
        loss.append(Loss(path=path, kind="truncated", detail=f"cut off after {markup.MOST_MARKS:,} tags"))
    elif safe != html:
        loss.append(Loss(path=path, kind="coerced", detail="sanitised"))
    return safe
