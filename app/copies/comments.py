"""Copy the comments of a ticket after the ticket: one operation for each comment, in order, and each once for ever.

The transaction that settles the copy of the ticket enqueues the job. The job adds all operations in the transaction
that ends it, and notes their comments, so that a later copy of the same ticket adds only new ones. A copy of a comment
counts as that comment: it goes neither back to where it came from nor to a ticket that has the comment. So the job
waits until it is known which comments of its ticket are copies.
"""

import time
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.copies.deps import CopyDeps
from app.copies.request import message_loss
from app.copies.source import SourceRecord, read_source, unreadable_source
from app.errors import NotFound
from app.events.record_changes import is_first_comment
from app.identifiers import new_id
from app.problem_document import Problem
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Done, Job, JobOutcome, JobPolicy, Permanent, Retry
from app.records.fetch import READ_LIMIT, fetch_page
from app.records.resolve import choose_mapping
from app.vendors.models import Connection
from app.writes.copied_comments import Original, is_undecided, note_copied, originals_in
from app.writes.copy_models import NextJob
from app.writes.models import NewOperation, Operation
from app.writes.queued import job_of
from app.writes.request import WriteRequest, new_operation
from app.writes.resolved_write import fingerprint, resolve_request
from canonical.ticket import Comment
from mappings.endpoints import ListQuery
from mappings.spec import Remote

KIND: Final = "copy_comments"
POLICY: Final = JobPolicy(max_attempts=20, base_seconds=2.0, cap_seconds=1800.0, attempt_seconds=120.0)


class TicketToCopy(Struct, frozen=True, kw_only=True):
    """The payload: the ticket whose comments are copied. The job's origin is the operation that copied the ticket."""

    connection: str
    ticket: str
    notify: bool


class _SourceComment(Struct, frozen=True, kw_only=True):
    comment: Comment
    remote: Remote


def comments_job(connection: str, ticket: str, *, notify: bool) -> NextJob:
    """Return the job that copies the comments of a ticket, once the ticket is copied."""
    return NextJob(
        kind=KIND, payload=msgspec.json.encode(TicketToCopy(connection=connection, ticket=ticket, notify=notify))
    )


async def copy_comments(deps: CopyDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a `copy_comments` job."""
    wanted = msgspec.json.decode(job.payload, type=TicketToCopy)
    operation = await deps.operations.get(job.origin or "")
    if operation is None or operation.remote_id is None:
        return Done()
    source, target = (deps.connections.by_name.get(name) for name in (wanted.connection, operation.connection))
    if source is None or target is None:
        return Permanent(reason="a connection of the copy is no longer configured")
    try:
        ticket = await read_source(deps, source, "ticket", wanted.ticket)
        comments = await _comments_of(deps, source, wanted.ticket, ticket)
    except NotFound:
        return Done()  # the ticket has been deleted meanwhile
    except Problem as problem:
        return unreadable_source(problem)
    new = [(one, await _operation_of(deps, one, operation, target, wanted)) for one in comments]
    if await is_undecided(deps.database, source.name, wanted.ticket):
        return Retry(reason="a comment that is copied to the source is undecided: it may be one of those to copy")
    async with finishing() as transaction:
        jobs = []
        originals = await originals_in(transaction, source.name, wanted.ticket)
        for one, made in new:
            original = originals.get(one.remote.id, Original(source.name, wanted.ticket, one.remote.id))
            if (original.source, original.ticket) == (target.name, operation.remote_id):  # it has come from there
                continue
            if not await note_copied(transaction, target.name, operation.remote_id, original, made.id):
                continue
            added = await deps.operations.add_queued(transaction, made)
            if added is not None:
                jobs.append(job_of(added))
        await deps.queue.enqueue(transaction, *jobs)
    return Done()


async def _comments_of(
    deps: CopyDeps, source: Connection, remote_id: str, ticket: SourceRecord
) -> list[_SourceComment]:
    """Return all comments with a text, oldest first, without the one that is the ticket's description, and those that
    name a person who was erased."""
    deadline = time.monotonic() + READ_LIMIT
    mapping = choose_mapping(deps, source, "comment")
    query = ListQuery(limit=mapping.endpoints.max_limit, parent=remote_id)
    comments: list[_SourceComment] = []
    while True:
        page = await fetch_page(deps, source, mapping, query, deadline)
        comments += [
            _SourceComment(comment=one.mapped.data, remote=one.mapped.remote)
            for one in page.readings
            if one.whole is None
        ]
        if page.next is None:
            break
        query = msgspec.structs.replace(query, after=page.next)
    wanted = [
        one
        for one in comments
        if (one.comment.body_text or one.comment.body_html)
        and not is_first_comment(ticket.fields, one.comment.body_text, one.comment.created_at)
    ]
    return sorted(wanted, key=lambda one: (one.comment.created_at is not None, one.comment.created_at))


async def _operation_of(
    deps: CopyDeps, comment: _SourceComment, operation: Operation, target: Connection, wanted: TicketToCopy
) -> NewOperation:
    """Return the operation that adds a comment to the copy. Its key follows from the copy and the comment."""
    sent = comment.comment
    # An unknown visibility never becomes public.
    visibility = "public" if sent.visibility == "public" else "private"
    body: dict[str, Any] = {"body_text": sent.body_text, "body_html": sent.body_html, "visibility": visibility}
    request = WriteRequest(
        principal=operation.principal,
        key=f"{operation.id}:{comment.remote.id}",
        fingerprint=fingerprint(operation.id.encode(), comment.remote.id.encode()),
        correlation_id=operation.correlation_id,
        instance=operation.intent.instance,
        object="comment",
        action="comment",
        identifier=f"{target.name}:{operation.remote_id}",
        loss=operation.intent.loss,
        body=msgspec.json.encode({name: value for name, value in body.items() if value}),
        writer=wanted.connection,
        lost=message_loss(target, "ticket", notify=wanted.notify),
    )
    resolved = await resolve_request(deps, request, time.monotonic())
    new = new_operation(request, resolved.intent, new_id("op_"), operation.traceparent)
    return msgspec.structs.replace(new, deferred=True)


KINDS: Final = (
    JobKind(
        name=KIND,
        policy=POLICY,
        bind=lambda dependencies: partial(copy_comments, dependencies.of(CopyDeps)),
        reads_again=True,
    ),
)
