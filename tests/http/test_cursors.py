"""The cursors that a list gives are those that it takes, however many ids are in them."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.http.cursors import SealedCursors
from app.records.routes import CURSOR

CURSORS = SealedCursors((b"0" * 32, b"1" * 32))
SCOPE = CURSORS.scope("shop", "medusa.order", None, {}, None)


@given(st.text(max_size=2000))
def test_a_sealed_cursor_opens_as_it_was(after: str) -> None:
    assert CURSORS.open(CURSORS.seal(after, SCOPE), SCOPE) == after


def test_a_page_of_records_of_one_moment_has_a_cursor_that_is_taken() -> None:
    ids = ",".join(str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)) for number in range(1, 251))
    cursor = CURSORS.seal(f"2026-05-01T09:30:00.000Z/{ids}", SCOPE)
    assert CURSOR.read(cursor) == cursor
    assert len(cursor) < 8000  # with the rest of a request line, proxies take 8 KiB
    assert CURSORS.open(cursor, SCOPE).endswith(ids)
