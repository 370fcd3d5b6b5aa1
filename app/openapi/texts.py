"""The introduction and the texts of the tags in the OpenAPI document: rules that several operations share.

Blank lines separate paragraphs; lines that begin with `- ` are items of a list. `docs/http-api.md` is the guide.
"""

from typing import Final

INTRODUCTION: Final = """\
Send `Authorization: Bearer lsk_…` with every call that needs a key. `lockstitch key create` creates one; its scopes
limit what it can do.

Send an `Idempotency-Key` with every call that changes something at a vendor. The call has exactly one effect, no matter
how often you repeat it. Answers are kept for 7 days by default.

`X-Correlation-ID` connects the calls of one workflow run in answers, logs and traces.

Every error is a problem document (RFC 9457). Let programs branch on its `code`; its `next_step` says what you can do.
Bodies are JSON in UTF-8, at most 1 MiB. An unknown member is refused, never dropped. HEAD works wherever GET does.

Tools that import `/schema/openapi.json` fill in every header that it describes. So it names the optional ones in the
description of a call; `/schema/openapi.json?optional_headers=true` has them as parameters. Paste the curl command of a
call into *Import cURL* of n8n: its `Idempotency-Key` is an expression there, and differs per run and item."""
_CALLS: Final = """\
A request is judged in this order: route, key, budget, scope, correlation id, `Accept`; then for a write
`Idempotency-Key`, size, media type, the recorded key, JSON, fields and query together, `If-Match`, the owner of the
fields, the vendor. So an unknown path is 404 without a key, and a call with an empty budget is 429 before its scope is
judged. If the path decides the scope, an unknown connection, feed or object in it is 404 for a key with any scope of
the call.

- A body is JSON without a byte order mark, nested at most 64 deep, without `Content-Encoding`. One that stalls for
  30 s, or takes more than 60 s, is 400 `malformed-body`, and the connection is closed. Uploads are the exception. An
  operator may set other limits.
- A request has one `Host` header; without one, or with two, it is 400 `invalid-host`.
- Unknown members, unknown query parameters, a parameter sent twice and NUL characters are 422 `invalid-field`, and so
  is a repeated member, with a pointer that ends in it. Structural errors are reported one at a time, all other errors
  at once. A problem lists at most 100 `errors`; its `detail` counts the rest. Longer texts in it are cut.
- At most 50 query parameters are accepted. An unescaped `+` in a time is understood.
- There is no CORS: a key does not belong in a browser. Answers are not compressed; a proxy may do that.
- `Accept`, if sent, must allow `application/json` (`text/plain` at `/metrics`) or `application/problem+json`. Problems
  are `application/problem+json`. They are `application/json` if `Accept` has that or `*/*`, and does not name
  `application/problem+json`.
- `X-Correlation-ID` is 1 to 128 of `A-Z a-z 0-9 . _ : / + = @ -`. Without one, Lockstitch makes a UUIDv7. It is
  ignored on `/health/*` and `/v1/webhooks/*`.
- `traceparent` and `tracestate` are continued if valid, otherwise ignored. Without one, the trace id is the first 16
  bytes of the SHA-256 of the correlation id. `traceresponse` has the real flags (`00` if nothing records).
- `RateLimit` and `RateLimit-Policy` show your budget. Each principal has one bucket per API process; it does not
  survive a restart. An empty bucket is 429 `rate-limited` with `Retry-After`.

`Prefer: wait=N` (0 to 30 seconds) limits every call that asks a vendor, and is confirmed by `Preference-Applied`. A
larger N counts as 30; an N that is no number is ignored. Preferences other than `wait` and `respond-async` are ignored
and not confirmed. With `wait=0` a read never asks a vendor. The time also covers facts about the account: a process
that has just started knows none. It records a write before it fetches them. A caller who stops waiting or disconnects
does not stop a write. Without the header, and when the time is over:

- read, list, options, a dry run: 25 s, then 504 `vendor-timeout`, or 429 `vendor-throttled` if the vendor's pause lasts
  longer;
- a running write: 10 s, then 202 with the operation;
- a write whose reply was lost, or that the vendor throttles: no wait, then 202 with the operation. With `wait=N` it
  waits for a worker's decision, and so does a repetition with its key;
- another request whose key is in use by a running one: 2 s, then 409 `idempotency-in-progress`;
- `check` of an operation: until it is done, then 200 with the operation in its current state;
- `resolve` of an operation: two thirds of the operation lease, then 504 `vendor-timeout`; nothing was decided.

E-mail addresses and telephone numbers that a vendor repeats in a problem, or that are in the path, appear there as
`(e-mail)` and `(phone)`. No problem has a top-level `error`, `message`, `cause` or `reason`: some tools take a body
with one of those for a failure of their own."""
_READS: Final = """\
A read asks the vendor now, unless the caller accepts an older answer (`max_age`, `stale_if_error`). Only facts
about the account are cached, for ten minutes, by all processes together. It takes at most 25 s, including retries
and waits for the vendor's rate limit.

- `{id}` is a canonical id or `<connection>:<vendor id>`. A canonical id goes to the connection of its first link, and
  `?connection=` to another of its links; a connection without one is 404. So is a vendor id that this vendor could not
  have issued. A canonical id is made when Lockstitch first sees a record, and names it forever.
- `ETag` is strong. It covers the resource without canonical ids, `meta.links` and `meta.loss`, and without the
  `operation_id` and `correlation_id` of an answer to a write, so the tag of a write equals that of the next read. Each
  `include` changes the tag if it adds anything. `If-None-Match` gives 304; `*` matches any record.
- HTML from a vendor is sanitised. In a long text, tags nested more than 100 deep are removed and their words stay.
  After 100,000 tags and references the text is cut, with the loss `truncated`.
- `include=references` adds what costs further reads, at most one for each kind of reference: a customer or requester
  from their own record, at Freshdesk an assignee, team and company, at HubSpot an owner or assignee, at Request Tracker
  a team. What the record itself has stays. A reference stays as it is if the vendor does not show the record, or if
  nothing is missing. Tickets and orders have no name, so `parent`, `merged_into` and `orders` stay as well.

A look-up is a list with one exact filter, so it is as consistent as that filter. HubSpot, Salesforce, Shopify,
WooCommerce, Freshdesk and Medusa read the key from their database. Searches lag by seconds: Stripe's `external_id`,
Zendesk's `email`, and `email` and `number` of Shopify's orders.

- What the vendor finds is compared with the key, also in lists, upserts, copies and references: `ann@example.com` never
  finds `joann@example.com`. Addresses are compared without the case of A to Z, and domains as IDNA does; `external_id`
  and `number` exactly. Zendesk finds users by all their addresses and shows the primary one, as HubSpot does in
  revision 1. There such a match is 409 `ambiguous-match`: send the id instead.
- At Medusa, a registered customer and a guest with the same address are two records.
- `sku` is reserved: many orders share one. Every connection refuses it with `unsupported-action`.

A list holds at most `limit` records, and never more than the vendor returns at once. It may hold fewer, even none,
while `has_more` is true: follow `next_cursor`.

- `cursor` belongs to its list: same object, connection, filters, `sort`, `updated_since`. It is sealed; a changed one,
  or one from another list, is 422. It survives restarts, and a rotation of the encryption key while the old key is
  still listed. The vendor decides how long it honours a cursor.
- A filter or a `status` that does not exist is 422; the detail names the filters that the connection has, and the
  connections that have this one.
- `customer` and `requester` with an e-mail address select by the buyer's or requester's address where the connection
  has the filter `email`. Elsewhere, and at WooCommerce, the customer is looked up first. Several are 409
  `ambiguous-match`; without one, the list is empty. Orders of guests with this address are found too: at Stripe and
  WooCommerce they come after those of the customer. At Medusa the orders of both are listed.
- `sort` is `created_at` or `updated_at` (oldest first), `-created_at` or `-updated_at` (newest first). Without it, the
  order is the vendor's. With `updated_since` the list is by time of change, oldest first, and any `sort` but
  `updated_at` is 422. In a list by `-updated_at`, a record that changes while you page moves to the front, behind you.
- `unreadable` names each record of the page that does not map: `remote_id`, `pointer` into the vendor's record,
  `detail`. It is reported as drift and blocks nothing."""
_WRITES: Final = """\
An absent field stays. A field that the vendor cannot change is refused only if its value differs from the present one;
of order lines that say more than the vendor keeps, such as `taxable`, only that is lost. If nothing is left to change,
the vendor gets no write, and the answer is the record. An upsert by `email` never changes staff (agents and
administrators at Zendesk, administrators and shop managers at WooCommerce): it is 422 `invalid-field`.

`If-Match` is compared with the current version just before the change. If it differs, the answer is 412
`version-conflict`, nothing was sent, and the key is free again. A list of tags is allowed, weak tags never match, `*`
always does. Another write can still come between this comparison and the vendor's write, unless the vendor compares
versions itself. Request Tracker does, and its 412 is recorded as a refusal like any other. A create ignores the header.

A write with `Prefer: respond-async` is judged and recorded as always, and answered 202 at once, or after 2 s if facts
about the account must be fetched first. It goes through the queue:

- A worker runs the writes of one record one after the other (comments with their ticket, upserts by their key, creates
  in any order), at the connection's pace, before the webhooks that wait. While the connection is paused they wait. A
  direct write of the same record does not wait behind queued ones.
- An operator can queue all writes of an object, whatever callers prefer (`[writes.orders] mode = "queued"`). A caller
  then waits 10 s for the answer as usual.
- Fields are judged before the 202, as far as the vendor's facts are known by then. An error that a worker finds later
  becomes the result of the operation.
- While the vendor is down, a queued write is tried for about forty minutes. Then it becomes a dead letter, later writes
  of the same record wait behind it, and the operation stays `queued`; a redrive continues it. If an operator discards
  the dead letter, the operation ends `failed` and its key is free, or `unknown` if the request may have been sent.

A write that was answered 202 and is then refused for good ends `failed`. It becomes a dead letter of kind `execute`,
which blocks no other write of the record. A repeated request gets the refusal with `Idempotent-Replayed: true`. An
operator may redrive it: the same operation returns to `queued`, drafted by the mapping revision that is active then.
Repeated requests are 202 until it is decided, and then get the new answer. Later writes of the record may have run
meanwhile; a redrive runs after them. If an operator discards the dead letter, the refusal stays the answer. A refusal
that you waited for is final, and no dead letter.

A write with `Lockstitch-Approval: required`, and each with a key that needs approvals, is judged, recorded and
answered 202 at once. It is sent after another principal with the scope `approvals:write` has approved it, by the
mapping revision that is active then. Until then a repeated request is 202 again. A rejected or expired one is `failed`,
and a repeated request gets 403 `approval-rejected` or `approval-expired`: the key is used up. Judging asks the vendor
where a write does, so it takes up to 25 s, or `Prefer: wait=N` and at least 2 s; a vendor that is down is the answer.

`Lockstitch-Callback` sends the event `operation.finished` to one more address, signed and retried like a delivery to a
subscriber. It is sent once, at the first decision (`unknown` is one), also for a write that was answered at once. The
header is at most 2,000 characters, sent once, and judged under the rules of subscriptions when the request arrives: 422
`invalid-field`, whose `errors` name the `header`. Reads ignore it. The first request with a key fixes the callback.
While the write is undecided, a repetition that names another one is 422 `idempotency-key-reused`. One that names none
is answered as usual. Once the write is decided, the recorded answer is returned whatever callback is named.

Changes of tags read the present tags and write the merged list. Send `add`, `remove` or both. Case and spaces around a
tag do not matter. A tag that is there already, or is not there to remove, is no error. A `PATCH` of `tags`, or a person
at the vendor, can still come in between. Freshdesk, Shopify and Zendesk have tags; other connections answer
`unsupported-action`, which names those that have them.

A dry run (`dry_run=true`) judges and drafts a write, and sends nothing. Nothing is recorded, and a key is not needed.
`fields` has the verdict on each field, `request` what would be sent, `action` the resulting verb, and `problem` what
the write would be refused with, if a field is refused. Everything else that would stop the write (a malformed body,
`If-Match`, an unknown record, a vendor that is down) is the answer of the dry run too. A copy that finds no record and
creates none is `skipped` as a whole, with an empty `pointer`. `parts` is the request that creates the line items of a
HubSpot order before it. `Prefer: wait=N` limits it; `respond-async` and `Lockstitch-Callback` have no effect.

`X-Lockstitch-Mapping: hubspot.customer@r2` maps a record by this revision, whichever is active. It needs `ops:write` in
addition to the scope of the call. A read or a list is answered as usual; `meta.mapping` names the revision. A write is
a dry run by this revision: it carries an `Idempotency-Key` like every write, but does not use it up. A name that is no
revision of this object at this connection is 422 `invalid-field` with the header in `errors`."""
_OPERATIONS: Final = """\
The outcome of writes. While an operation waits, `waiting_for` says for what: `queue` (writes of the connection, or of
the record, go first), `retry` (the next attempt, or the next look for a write whose reply was lost), `vendor_paused`
(the vendor throttles, refuses the credential, or an operator paused the connection), `approval` (another key has to
approve it); `detail` says what goes on.

The list shows newest first. A key sees an operation if it has any scope of its object; without the read scope, only
what it sent. An operation's id at the route of another object, as in `/v1/tickets/op_…`, is 404, and the detail says
that it is an operation; other ids behave alike.

`check` looks for an `unknown` operation at the vendor once, now. If a strongly consistent look-up finds nothing, the
write was not done, and it is sent again. An operation in any other state is returned as it is. `resolve` records what a
person found: with `succeeded` and the `remote_id` Lockstitch reads the record, so a retry gets the real resource; with
`failed` the key is free. Resolving an operation that is not `unknown` is 422. Neither needs an `Idempotency-Key`: a
check has no effect of its own, and a second resolve is refused."""
_WEBHOOKS: Final = """\
Webhooks that vendors send. The signature over the raw body, in the vendor's own scheme, replaces the API key.

- 202: every event is recorded with its job, in one committed transaction. A duplicate is a success without effect. A
  copy that differs from the first is noted in the audit trail (`receipt.conflicting`) and not processed.
- 401 `invalid-signature` for every fault of the signature: missing, wrong, sent twice, or a signed time more than five
  minutes from now. The answer does not say which, and nothing is stored.
- 403 `wrong-account` if the webhook is from another account of the vendor than the connection's, or from its test mode.
- 404 for an unknown connection, after the same work. 413 above 1 MiB, counted while the body arrives and before
  anything is hashed, and above 1,000 events. 503 with `Retry-After` if the database does not answer: nothing is
  promised, and the vendor must send it again.
- 200 answers a handshake: Intercom's `HEAD`, and WooCommerce's unsigned `webhook_id=N` while the connection is
  `pending`.

Each delivery is a run of its own, whose id is in the answer; `traceparent` is ignored."""
_UPLOADS: Final = """\
Exports of legacy systems, row by row. `accepted` rows have new content; `duplicates` repeat the last row of their
record. Accepted rows are `settled` (they became events, or changed nothing), `refused` (open dead letters, found by
`correlation_id`), `discarded` by a person, or `waiting`. `state` is `done` when none waits.

- The same file under the same key is the same upload. A finished one is replayed with `Idempotent-Replayed: true` and
  the current figures; an interrupted one continues. Another file under the key is 422 `idempotency-key-reused`. Uploads
  and operations do not share keys.
- A file that lacks a column or breaks the quoting of RFC 4180 is 422 `invalid-field`, and nothing of it is recorded.
- Each process takes one file per caller and four in all at a time; others wait. A file may take ten minutes to
  arrive."""
_BACKFILLS: Final = """\
Read the records that existed before Lockstitch came. A worker reads page by page, and continues after a restart.

- `new` records get an id, links, match keys and a last-seen state. One that is `differing` keeps its state, so the next
  webhook or pull that reads it reports the change. `known` ones are equal. `unreadable` ones are drift findings.
- `total`, `share` and `eta_seconds` are null unless a list of the object was once read to its end, by a pull or a
  backfill without `since`.
- `deliver` sends one Event `created` for each record, with all fields that have a value in `changed`, and the `origin`
  `backfill`. `/v1/feeds` does not show it, and `/v1/events` only with `origin=backfill`.
- A second backfill of the object and connection is 409 `state-conflict`; `detail` names the first one. So the request
  needs no `Idempotency-Key`."""
_OPERATORS: Final = """\
Connections, queue, dead letters, drift, mappings, persons and the audit trail, for operators. The command line does the
same, also while the API is down.

- Pausing a stopped connection, or resuming a working one, changes nothing. Callers see the note of a pause in the
  `detail` of `connection-paused`, so it should hold no personal data.
- The filter `connection` of dead letters is not checked against the configuration, so you also find work of a removed
  connection. A job that names a receipt is shown with what was received: JSON as sent, other text as a string, other
  bytes as `{"base64": …}`. A redrive with a payload takes it in the form of the shown `payload`, and only if `editable`
  is true: other jobs use what is recorded elsewhere. A discarded write that was never sent ends `failed`. 409
  `state-conflict`: it is already decided, or the same work is queued.
- A bulk redrive takes the open dead letters that match `filter` now, oldest job first; an empty filter matches all.
  Dead letters that arise after it began are not included, also those that fail again. All workers share
  `rate_per_second`, kept within 5 %; time without a worker is not caught up. `skipped` counts those that were decided
  meanwhile, or whose work was already queued. `cancel` lets the current batch end (at most 50 letters). Sending the
  request twice makes two redrives; the second finds nothing left or skips, so it needs no `Idempotency-Key`.
- `GET /ops/queue` reads the whole queue, for occasional use. `blocked_keys` are records whose jobs wait behind a failed
  one. Prometheus has the same figures at `/metrics`.
- Only a released revision of a mapping may be active; `"active": null` follows the newest one, also after an update. A
  revision that becomes active is no longer the shadow.
- `path` of a drift finding is a JSONPath into what the vendor sent, without positions: `[*]` for the items of an array,
  `.*` for names that are data. For a `new_enum_value` it is the path of the canonical field. `example` shows the shape
  of the value, letters as `x` and digits as `0`. `count` counts the sampled records with the change.
- Filters of the audit trail: `type` (`operation.resolved`, or `receipt.*` for a prefix), `record` (a record, an
  operation, a job, a connection), `actor`, `correlation_id`, `since`. `position` is null until an event is sealed. A
  broken chain names `first_break` (`what`: `content`, `chain`, `seal`, `missing_event`, `missing_seal`, `unsealed`,
  `anchor`). Keep `head`: sent later as `anchor=POSITION:CHAIN`, it proves that nothing was rewritten.
- The id of a run may hold slashes. `facts` differ by `kind`, and more may be added."""
TAGS: Final = {
    "Calls": _CALLS,
    "Reads": _READS,
    "Writes": _WRITES,
    "Customers": "People and organisations that buy, ask or receive messages.",
    "Orders": "What was bought, its price, and its progress.",
    "Tickets": "Requests for support, and their comments.",
    "Stock": "How many of each item can be sold, as the shops count it.",
    "Operations": _OPERATIONS,
    "Uploads": _UPLOADS,
    "Claims": "Names that one of several runs has, so that what starts twice has its effect once.",
    "Backfills": _BACKFILLS,
    "Webhooks": _WEBHOOKS,
    "Subscriptions": "URLs that receive events.",
    "Events": "The change feed, for polling.",
    "Operators": _OPERATORS,
    "About": "The caller, the contracts, the problems.",
    "Health": "For probes and scrapers.",
}
"""The sections of the reference. The first three have rules of all operations, and no operations."""
