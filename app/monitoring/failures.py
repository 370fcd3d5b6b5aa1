"""Find failures for operators, and give them the keys by which they are found."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.inspect import show_payload
from app.monitoring.deps import FailureDeps
from app.monitoring.failure_terms import digest_of_query, digests_of
from app.monitoring.models import Failure, FailureFilter, FailurePosition, Unkeyed
from app.postgres.encryption import SealBroken
from canonical import values

AT_ONCE: Final = 50
SEALED: Final = "The reason cannot be decrypted: its encryption key is not configured."
CANONICAL: Final = ("cus_", "ord_", "tkt_", "cmt_")


async def list_failures(
    deps: FailureDeps, which: FailureFilter, text: str, *, after: FailurePosition | None, limit: int
) -> Sequence[Failure]:
    """Return failures, newest first: all, or those that a text finds. It is a canonical id, `connection:remote_id`, an
    e-mail address or the number of an order. Raises StoreUnavailable."""
    if not text:
        failures = await deps.failures.browse(which, after=after, limit=limit)
    else:
        digest = digest_of_query(await deps.secret.load(), text)
        records = list(await deps.failures.customers_of(digest)) if values.is_email(text) else []
        if text.startswith(CANONICAL):
            records += await deps.failures.records_of(text)
        connection, _, remote_id = text.partition(":")
        records += [("", connection, remote_id)] if remote_id else []
        failures = await deps.failures.search(which, [digest], records, after=after, limit=limit)
    reasons = await why_failed(deps, [one.id for one in failures if one.why is None])
    return [replace(one, why=reasons[one.id]) if one.why is None else one for one in failures]


async def find_run(deps: FailureDeps, text: str) -> str | None:
    """Return the correlation id of the run that a text names, by itself or by the id of one of its parts. Raises
    StoreUnavailable."""
    run = await deps.failures.run_of(text)
    return run or (text if await deps.runs.story(text, after=None, limit=1) else None)


async def key_failures(deps: FailureDeps, letters: DeadLetterDeps) -> bool:
    """Give new failures their keys. Return whether there may be more. Any number of workers may do it at once. Raises
    StoreUnavailable."""
    unkeyed = await deps.failures.unkeyed(AT_ONCE)
    secret = await deps.secret.load() if unkeyed else b""
    for one in unkeyed:
        await deps.failures.set_keys(one, digests_of(secret, *await _contents(deps, letters, one)))
    return len(unkeyed) >= AT_ONCE


async def _contents(deps: FailureDeps, letters: DeadLetterDeps, failure: Unkeyed) -> Sequence[bytes]:
    """Return the JSON texts in which a person would look; none if they cannot be decrypted."""
    if failure.table == "dead_letter":
        letter = await letters.dead_letters.get(failure.id)
        return () if letter is None else (msgspec.json.encode((await show_payload(letters, letter)).payload),)
    try:
        operation = await deps.operations.get(failure.id)
    except SealBroken:
        return ()
    if operation is None:
        return ()
    intent = operation.intent
    email = None if intent.references is None else intent.references.email
    return intent.body, intent.sent, msgspec.json.encode([email, intent.upsert_value])


async def why_failed(deps: FailureDeps, operation_ids: Sequence[str]) -> Mapping[str, str | None]:
    """Return why each of these writes failed or is unknown, in words without personal data. Raises StoreUnavailable."""
    problems = await deps.operations.problems(operation_ids) if operation_ids else {}
    reasons = {name: None if one is None else f"{one.title}: {one.detail}" for name, one in problems.items()}
    return dict.fromkeys(operation_ids, SEALED) | reasons
