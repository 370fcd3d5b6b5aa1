"""Search a whole database for a person: every table, with all that is encrypted in it opened."""

from collections.abc import Iterable

from app.capabilities import SEALED_COLUMNS
from app.postgres.encryption import SealedColumn
from tests.contract.facade import Facade
from tests.encryption import SEALER

COLUMNS = """
    SELECT c.relname AS table, array_agg(a.attname::text) AS columns
      FROM pg_attribute AS a
      JOIN pg_class AS c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
     GROUP BY 1
     ORDER BY 1
"""


def stored(facade: Facade, words: Iterable[str]) -> dict[str, int]:
    """Return in how many values of each column one of the words occurs."""
    wanted = [word.lower() for word in words]
    counts: dict[str, int] = {}
    for table in facade.sql(COLUMNS):
        sealed = [one for one in SEALED_COLUMNS if one.table == table["table"]]
        clear = [f'"{name}"' for name in table["columns"] if name not in {one.column for one in sealed}]
        text = f"lower(concat_ws(' ', {', '.join(clear)}))"
        query = f"""
            SELECT count(*) AS hits
              FROM {table["table"]}
             WHERE EXISTS (SELECT FROM unnest($1::text[]) AS one WHERE position(one IN {text}) > 0)
        """  # noqa: S608
        if hits := facade.sql(query, wanted)[0]["hits"]:
            counts[table["table"]] = hits
        for column in sealed:
            counts |= {column.name: hits} if (hits := _sealed(facade, column, wanted)) else {}
    return counts


def _sealed(facade: Facade, column: SealedColumn, wanted: list[str]) -> int:
    names = ", ".join((*column.key, *column.more, column.column))
    rows = facade.sql(f"SELECT {names} FROM {column.table} WHERE {column.column} IS NOT NULL")  # noqa: S608
    opened = (SEALER.open(row[column.column], column.belongs_to(dict(row))).lower() for row in rows)
    return sum(any(word.encode() in one for word in wanted) for one in opened)
