"""The plans of statements as a session keeps them, from before PostgreSQL knew anything of the tables."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import asyncpg

from app.postgres.database import SESSION_SETTINGS, Statement
from tests.closing import async_closing

_SCAN = re.compile(r"(?:Index(?: Only)? Scan.* on|Bitmap Index Scan on|Seq Scan on) (\w+).*(?:\n +Index Cond: (.*))?")


def plan_of(url: str, query: Statement) -> str:
    """The plan that holds for all arguments, in a table of which nothing is known yet."""

    async def explain() -> str:
        settings = {**SESSION_SETTINGS, "plan_cache_mode": "force_generic_plan"}
        async with async_closing(asyncpg.connect(url, server_settings=settings)) as connection:
            arguments = ["NULL" for _ in set(re.findall(r"\$\d+", query.sql))]
            await connection.execute(f"PREPARE kept AS {query.sql}")
            values = f"({', '.join(arguments)})" if arguments else ""
            rows = await connection.fetch(f"EXPLAIN EXECUTE kept {values}")
            return "\n".join(row[0] for row in rows)

    return asyncio.run(explain())


def plans_of_nothing(url: str, query: Statement) -> int:
    """How often PostgreSQL plans the statement in ten runs in which all arguments are NULL."""

    async def run() -> int:
        settings = {**SESSION_SETTINGS, "plan_cache_mode": "auto"}
        async with async_closing(asyncpg.connect(url, server_settings=settings)) as connection:
            prepared = await connection.prepare(query.sql)
            for _ in range(10):
                await prepared.fetch(*(None for _ in prepared.get_parameters()))
            counted = "SELECT custom_plans FROM pg_prepared_statements WHERE name = $1"
            return int(await connection.fetchval(counted, prepared.get_name()))

    return asyncio.run(run())


def scans_in(plan: str) -> Sequence[tuple[str, str]]:
    """The table or index of each scan, and what narrows it; an empty text if it reads all."""
    return [(match[1], match[2] or "") for match in _SCAN.finditer(plan)]


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """All nodes of a plan that was explained as JSON."""
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes_of(child))]


def rows_read(node: dict[str, Any]) -> float:
    """How many rows an analysed node has read, those that it left out included."""
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
