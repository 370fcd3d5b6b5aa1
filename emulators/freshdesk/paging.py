"""Pages by number. Only the `Link` header names the next one."""

from urllib.parse import urlencode

from emulators.freshdesk.desk import Desk
from emulators.freshdesk.errors import complaint, invalid
from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord

PAGE_SIZE = 30
LARGEST_PAGE = 100
PAGING = ("page", "per_page")


def paged(desk: Desk, call: Call, records: list[JsonRecord], deepest: int | None = None) -> Answer:
    """Return one page of `records`. 400 for a text that is no number, and for a page after the `deepest`."""
    page = whole(call, "page", 1, deepest)
    size = whole(call, "per_page", PAGE_SIZE, LARGEST_PAGE)
    on_page = records[(page - 1) * size : page * size]
    answer = json_answer(200, on_page)
    if page * size >= len(records):
        return answer
    kept = [(name, value) for name, value in call.query if name != "page"]
    link = f'<{desk.base}{call.path}?{urlencode([*kept, ("page", str(page + 1))])}>; rel="next"'
    return answer.with_headers({"link": link})


def whole(call: Call, name: str, default: int, most: int | None) -> int:
    """Return a positive number of the query."""
    text = call.param(name)
    if text is None:
        return default
    if not text.isdecimal() or not text.isascii() or int(text) < 1 or (most is not None and int(text) > most):
        upto = f" and less than or equal to {most}" if most is not None else ""
        raise invalid([complaint(name, f"It should be a Positive Integer{upto}", "invalid_value")])
    return int(text)
