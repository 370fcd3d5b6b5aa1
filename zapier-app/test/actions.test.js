'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { App, api, bundle, emulators, recordsOf, request, run } = require('./lockstitch');

const create = (name, input, more) => run(App.creates[name].operation.perform, bundle(input, more));
const search = (name, input) => run(App.searches[name].operation.perform, bundle(input));
const contacts = async (email) =>
  (await recordsOf('hubspot', 'contacts')).filter((one) => one.properties.email === email);

test('the connection is tested by its key, and named by it', async () => {
  assert.equal((await run(App.authentication.test, bundle())).name, 'dev');
  const wrong = { ...bundle(), authData: { api_url: api, api_key: 'lsk_wrong' } };
  await assert.rejects(run(App.authentication.test, wrong), {
    name: 'ExpiredAuthError',
    message: /unauthenticated, run /,
  });
});

test('an address that is not a Lockstitch says so', async () => {
  const elsewhere = { ...bundle(), authData: { api_url: emulators, api_key: 'lsk_x' } };
  await assert.rejects(run(App.authentication.test, elsewhere), /not in the words of Lockstitch/);
});

test('drop-downs list connections and event types', async () => {
  const connections = await run(App.triggers.connection_list.operation.perform, bundle());
  assert.ok(connections.some((one) => one.id === 'hubspot' && one.name === 'HubSpot (hubspot)'));
  const types = await run(App.triggers.event_type_list.operation.perform, bundle());
  assert.ok(types.some((one) => one.id === 'customer.created'));
});

test('a step that runs twice creates one record', async () => {
  const input = {
    email: 'rosa@example.com',
    first_name: 'Rosa',
    phone: '+49 30 901820',
    business_key: 'order 1',
    tags: [],
  };
  const [first, second] = [await create('create_customer', input), await create('create_customer', input)];
  assert.equal(first.id, second.id);
  assert.deepEqual(first, second);
  const stored = await contacts('rosa@example.com');
  assert.equal(stored.length, 1);
  assert.equal(stored[0].properties.firstname, 'Rosa');
});

test('two Zaps with one business key write both', async () => {
  const input = {
    subject: 'Twice',
    description: 'Two Zaps.',
    requester_email: 'twice@example.com',
    business_key: 'b-1',
  };
  const first = await create('create_ticket', input);
  const second = await create('create_ticket', input, { meta: { zap: { id: '4712' } } });
  assert.notEqual(first.meta.remote_id, second.meta.remote_id);
});

test('in the editor a changed test is a new write, the same test is not', async () => {
  const editor = { meta: { isLoadingSample: true, zap: { id: '4711' } } };
  const input = { requester_email: 'editor@example.com', description: 'A test.', business_key: 'e-1' };
  const first = await create('create_ticket', { ...input, subject: 'First' }, editor);
  const again = await create('create_ticket', { ...input, subject: 'First' }, editor);
  const changed = await create('create_ticket', { ...input, subject: 'Changed' }, editor);
  assert.equal(first.id, again.id);
  assert.notEqual(first.id, changed.id);
});

test('upsert, update and the copy to another system', async () => {
  const email = 'ulla@example.com';
  const person = { upsert_on: 'email', email, last_name: 'Berg' };
  const made = await create('upsert_customer', { ...person, business_key: 'u-1' });
  const same = await create('upsert_customer', { ...person, job_title: 'Buyer', business_key: 'u-2' });
  assert.equal(made.id, same.id);
  const ignored = await create('upsert_customer', {
    ...person,
    job_title: 'X',
    on_existing: 'ignore',
    business_key: 'u-3',
  });
  assert.equal(ignored.job_title, 'Buyer');
  const cleared = await create('update_customer', {
    id: made.id,
    last_name: 'Berg-Lind',
    more: '{"job_title": null}',
    business_key: 'u-4',
  });
  assert.deepEqual([cleared.last_name, cleared.job_title], ['Berg-Lind', null]);
  const copy = await create('copy_customer', {
    id: made.id,
    connection: 'zendesk',
    match_on: 'email',
    business_key: 'u-5',
  });
  assert.equal(copy.meta.connection, 'zendesk');
  const users = await recordsOf('zendesk', 'users');
  assert.equal(users.filter((one) => one.email === email && one.name === 'Berg-Lind').length, 1);
});

test('an order with line items, and a comment on a ticket', async () => {
  const line_items = [{ name: 'Waxed linen thread', quantity: 3, unit_price: '6.50' }];
  const order = await create('create_order', {
    currency: 'EUR',
    customer_email: 'rosa@example.com',
    line_items,
    external_id: 'shop-77',
    business_key: 'o-1',
  });
  assert.equal(order.totals.total, '19.50');
  assert.equal((await search('find_order', { by: 'external_id', value: 'shop-77' }))[0].id, order.id);
  const ticket = await create('create_ticket', {
    subject: 'Late parcel',
    description: 'Where is it?',
    requester_email: 'rosa@example.com',
    requester_name: 'Rosa',
    priority: 'high',
    business_key: 't-1',
  });
  const comment = await create('add_comment', {
    id: ticket.id,
    body_text: 'On its way.',
    visibility: 'private',
    business_key: 't-1',
  });
  assert.ok(comment.id);
  const { body } = await request('GET', `${api}/v1/tickets/${ticket.id}/comments`);
  assert.ok(body.data.some((one) => one.body_text === 'On its way.' && one.visibility === 'private'));
});

test('look-ups: one system, no match, all systems', async () => {
  const [match] = await search('find_customer', { by: 'email', value: 'ulla@example.com' });
  assert.equal(match.last_name, 'Berg-Lind');
  assert.deepEqual(await search('find_customer', { by: 'email', value: 'nobody@example.com' }), []);
  let everywhere;
  for (let tries = 0; everywhere?.found !== 2 && tries < 60; tries += 1) {
    [everywhere] = await search('find_customer_everywhere', { by: 'email', value: 'ulla@example.com' });
    await new Promise((later) => setTimeout(later, 500)); // a search of a vendor lags behind its writes
  }
  assert.deepEqual([everywhere.found, everywhere.complete], [2, true]);
  assert.deepEqual(new Set(everywhere.records.map((one) => one.id)).size, 1);
});

test('refusals are in the words of Lockstitch', async () => {
  const wrong = { email: 'not an address', business_key: 'w-1' };
  await assert.rejects(
    create('create_customer', wrong),
    /emails\/0\/address.*Correct the fields.*invalid-field, run zapier:/s,
  );
  const unknown = { email: 'w@example.com', connection: 'hubsport', business_key: 'w-2' };
  await assert.rejects(create('create_customer', unknown), /hubspot/);
  await assert.rejects(create('create_customer', { more: 'notes: x', business_key: 'w-3' }), /not a JSON object/);
  await assert.rejects(
    create('create_customer', { email: 'e@example.com', business_key: ' ' }),
    /business key is empty/,
  );
  const other = { email: 'other@example.com', business_key: 'order 1' };
  await assert.rejects(create('create_customer', other), /idempotency-key-reused/);
  const lossy = { email: 'lossy@example.com', more: { tags: ['vip'] }, fail_if_lost: true, business_key: 'w-4' };
  await assert.rejects(create('create_customer', lossy), /tags/);
});

test('a lost reply is asked for again, and ends in one record', async () => {
  const faults = `${emulators}/_emulator/faults`;
  const lost = { kind: 'timeout_after_commit', delay_ms: 200 };
  const match = { method: 'POST', path: '/crm/v3/objects/contacts' };
  assert.equal((await request('POST', faults, { vendor: 'hubspot', fault: lost, match, times: 1 })).status, 201);
  const input = { email: 'lost@example.com', first_name: 'Lo', connection: 'hubspot', business_key: 'l-1' };
  const made = await create('create_customer', input);
  const [contact, ...others] = await contacts('lost@example.com');
  assert.deepEqual([contact.id, others], [made.meta.remote_id, []]);
});

test('a write that is undecided after 20 s is left to the repetition by Zapier', async () => {
  const faults = `${emulators}/_emulator/faults`;
  const throttled = { kind: 'status', status: 429, retry_after: 24 };
  const match = { method: 'POST', path: '/crm/v3/objects/contacts' };
  assert.equal((await request('POST', faults, { vendor: 'hubspot', fault: throttled, match, times: 1 })).status, 201);
  const input = { email: 'waits@example.com', connection: 'hubspot', business_key: 'p-1' };
  await assert.rejects(create('create_customer', input), { name: 'ThrottledError', message: /recorded as op_/ });
  const made = await create('create_customer', input);
  const [contact, ...others] = await contacts('waits@example.com');
  assert.deepEqual([contact.id, others], [made.meta.remote_id, []]);
});
