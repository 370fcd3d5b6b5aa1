'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { App, api, bundle, hooks, request, run } = require('./lockstitch');

const { customer_created: created, event, poll_customers: poll } = App.triggers;
let zapier;
before(async () => (zapier = await hooks()));
after(() => zapier.close());

const create = (email, business_key) =>
  run(App.creates.create_customer.operation.perform, bundle({ email, business_key, last_name: 'Hook' }));
const subscribe = (trigger, inputData = {}) =>
  run(trigger.operation.performSubscribe, bundle(inputData, { targetUrl: zapier.url }));
const unsubscribe = (trigger, subscribeData) =>
  run(trigger.operation.performUnsubscribe, bundle({}, { subscribeData }));

test('a hook is subscribed, verified, and ended', async () => {
  const subscribeData = await subscribe(created);
  assert.match(subscribeData.secret, /^whsec_/);
  const delivery = zapier.next();
  const made = await create('hook@example.com', 'h-1');
  const rawRequest = await delivery;
  const perform = (raw) => run(created.operation.perform, bundle({}, { rawRequest: raw, subscribeData }));
  const [fired] = await perform(rawRequest);
  assert.deepEqual([fired.type, fired.data.id], ['customer.created', made.id]);
  assert.match(fired.id, /^evt_/);
  assert.match(fired.caused_by.correlation_id, /^zapier:4711-create-customer-default-h-1$/);
  const forged = { ...rawRequest, content: rawRequest.content.replace('Hook', 'Fake') };
  await assert.rejects(perform(forged), /not signed by your Lockstitch/);
  await assert.rejects(perform({ ...rawRequest, headers: {} }), /not signed/);

  assert.equal((await request('GET', `${api}/v1/subscriptions/${subscribeData.id}`)).status, 200);
  await unsubscribe(created, subscribeData);
  await unsubscribe(created, subscribeData);
  assert.equal((await request('GET', `${api}/v1/subscriptions/${subscribeData.id}`)).status, 404);
});

test('subscribing again with the same URL gives a secret that works', async () => {
  const first = await subscribe(event, { events: ['customer.updated'], changed: ['last_name'], connection: 'hubspot' });
  const second = await subscribe(event, {
    events: ['customer.updated'],
    changed: ['last_name'],
    connection: 'hubspot',
  });
  assert.equal(first.id, second.id);
  const made = await create('again@example.com', 'a-1');
  const delivery = zapier.next();
  const input = { id: made.id, last_name: 'Changed', business_key: 'a-2' };
  await run(App.creates.update_customer.operation.perform, bundle(input));
  const perform = bundle({}, { rawRequest: await delivery, subscribeData: second });
  const [fired] = await run(event.operation.perform, perform);
  assert.deepEqual(fired.changed.includes('last_name') && fired.data.last_name, 'Changed');
  await unsubscribe(event, second);
});

test('the editor gets real events, or a sample of each type', async () => {
  const [newest] = await run(created.operation.performList, bundle());
  assert.equal(newest.type, 'customer.created');
  for (const trigger of Object.values(App.triggers)) {
    if (!trigger.operation.performList) continue;
    const events = await run(trigger.operation.performList, bundle({ events: ['order.refunded'] }));
    assert.ok(events.length && events.every((one) => one.id && one.type), trigger.key);
  }
});

test('polling returns the newest events first, each with its own id', async () => {
  const events = await run(poll.operation.perform, bundle());
  assert.equal(new Set(events.map((one) => one.id)).size, events.length);
  const times = events.map((one) => one.timestamp);
  assert.deepEqual(times, [...times].sort().reverse());
  const updated = await run(poll.operation.perform, bundle({ type: 'customer.updated', connection: 'hubspot' }));
  assert.ok(updated.length && updated.every((one) => one.type === 'customer.updated'));
});
