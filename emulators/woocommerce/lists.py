"""Lists: pages by number or offset, and the headers with their totals."""

from collections.abc import Sequence

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.woocommerce.errors import invalid

PER_PAGE = 10
MOST_PER_PAGE = 100


def paged(call: Call, records: Sequence[JsonRecord]) -> Answer:
    """Return the requested page of these records."""
    size = _number(call, "per_page", PER_PAGE, 1, MOST_PER_PAGE)
    page = _number(call, "page", 1, 1, None)
    offset = _number(call, "offset", (page - 1) * size, 0, None)
    pages = -(-len(records) // size)
    headers = {"x-wp-total": str(len(records)), "x-wp-totalpages": str(pages)}
    return json_answer(200, records[offset : offset + size], headers)


def ids_of(call: Call, name: str) -> set[int] | None:
    """Return a list of ids, comma-separated or repeated; None if it is absent."""
    sent = [*call.params(name), *call.params(f"{name}[]")]
    if not sent:
        return None
    return {int(one) if one.strip().isdecimal() else 0 for text in sent for one in text.split(",")}


def words_of(call: Call, name: str) -> list[str]:
    """Return a list of words, comma-separated or repeated; empty if it is absent."""
    sent = [*call.params(name), *call.params(f"{name}[]")]
    return [one.strip() for text in sent for one in text.split(",")]


def is_descending(call: Call) -> bool:
    """Return whether the order is descending, the default."""
    order = call.param("order") or "desc"
    if order not in ("asc", "desc"):
        raise invalid("order", "order is not one of asc and desc.")
    return order == "desc"


def _number(call: Call, name: str, default: int, low: int, high: int | None) -> int:
    text = call.param(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise invalid(name, f"{name} is not of type integer.")
    number = int(text)
    if number < low or (high is not None and number > high):
        bounds = f"between {low} (inclusive) and {high} (inclusive)" if high is not None else f"greater than {low - 1}"
        raise invalid(name, f"{name} must be {bounds}")
    return number
