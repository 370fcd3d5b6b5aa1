"""The media types that a caller accepts (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Collection
from typing import Final

from app.problem_document import JSON, PROBLEM_JSON

_WEIGHT: Final = re.compile(r";\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)


def quality(accept: Collection[str], media_type: str) -> float:
    """Return how much the caller wants a media type, from 0 (not at all) to 1. `accept` are the lines of the header.

    The most specific range that fits decides. Without any range, everything is wanted. Parameters other than the
    weight are ignored, and an invalid weight counts as 1.
    """
    ranges = [part.strip() for line in accept for part in line.split(",") if part.strip()]
    if not ranges:
        return 1.0
    wanted = {media_type: 3, f"{media_type.partition('/')[0]}/*": 2, "*/*": 1, "*": 1}
    best, weight = 0, 0.0
    for part in ranges:
        rank = wanted.get(part.partition(";")[0].strip().lower(), 0)
        if rank > best:
            match = _WEIGHT.search(part)
            best, weight = rank, 1.0 if match is None else float(match[1])
    return weight


def accepted_problem_type(accept: Collection[str]) -> str:
    """Return the media type of a problem: `application/json` where the caller accepts that by its name or as `*/*`, and
    does not name `application/problem+json`. n8n, Zapier and Make send one of these, and parse nothing else."""
    named = {part.partition(";")[0].strip().lower() for line in accept for part in line.split(",")}
    plain = named & {JSON, "*/*"} and quality(accept, JSON)
    return JSON if plain and not (PROBLEM_JSON in named and quality(accept, PROBLEM_JSON)) else PROBLEM_JSON
