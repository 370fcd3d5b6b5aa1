"""Lists by offset that lose nobody: WooCommerce's customers know no other way, and a list by offset moves forward
whenever one of those before is deleted.

The list is ordered by id. Each page begins one before the place where the last one ended, and so has to begin with
the last one's end, or with somebody before that; where it does not, the list has moved, and the next page begins
further up. Who was listed already is left out.
"""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct

from mappings.spec import decode_loosely

MAX_PER_PAGE: Final = 100
_PLACE: Final = re.compile(r"([0-9]{1,10})-([0-9]{1,19})")


class _Numbered(Struct, frozen=True, kw_only=True):
    id: int


class Place(Struct, frozen=True, kw_only=True):
    """How many rows lie before the page, and the last id that was listed; 0 for none."""

    offset: int = 0
    last: int = 0

    @property
    def asked(self) -> int:
        """The offset that is asked for: with the row before, where there is one."""
        return max(self.offset - 1, 0)

    def size(self, limit: int) -> int:
        """How many rows are asked for."""
        return min(limit + 1, MAX_PER_PAGE)


def place_in(cursor: str | None) -> Place:
    """The place that a cursor names, the beginning without one. Raises ValueError for a foreign cursor."""
    if cursor is None:
        return Place()
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise ValueError("not a place in this list")
    return Place(offset=int(found[1]), last=int(found[2]))


def page_at(place: Place, records: Sequence[Raw], total: str | None, limit: int) -> tuple[tuple[Raw, ...], str | None]:
    """Up to `limit` of the records of an answer that come behind the place, and where the list goes on.

    `total` is the answer's `X-WP-Total`; something before the shop may take it away.
    """
    ids = [decode_loosely(record, _Numbered).id for record in records]
    overshot = place.offset > 0 and (not ids or ids[0] > place.last)
    if overshot:
        return (), f"{max(place.offset - place.size(limit), 0)}-{place.last}"
    behind = [(id, record) for id, record in zip(ids, records, strict=True) if id > place.last][:limit]
    if not behind and not ids:
        return (), None
    last = behind[-1][0] if behind else place.last
    offset = place.asked + ids.index(last) + 1 if last in ids else place.asked + len(ids)
    rows = int(total) if total is not None and total.isdecimal() else None
    more = offset < rows if rows is not None else len(ids) >= place.size(limit)
    return tuple(record for _, record in behind), f"{offset}-{last}" if more else None
