'use strict';

// Instant triggers: a REST hook of a Zap is a subscription of Lockstitch, and each delivery is verified.

const { createHmac, timingSafeEqual } = require('node:crypto');
const { call } = require('../lib/call');
const { CONNECTION } = require('../lib/fields');
const { eventSample } = require('../lib/samples');

const SHOWN = 3;
const FEEDS = { customer: 'customers', order: 'orders', ticket: 'tickets', stock_level: 'stock_levels' };

// Event type, label, noun, description.
const TYPES = [
  ['customer.created', 'New Customer', 'Customer', 'Triggers when a customer is created in a connected system.'],
  ['customer.updated', 'Updated Customer', 'Customer', 'Triggers when a field of a customer changes.'],
  ['customer.merged', 'Merged Customer', 'Customer', 'Triggers when two customers become one.'],
  ['order.created', 'New Order', 'Order', 'Triggers when an order is created in a connected system.'],
  ['order.updated', 'Updated Order', 'Order', 'Triggers when a field of an order changes.'],
  ['order.paid', 'Paid Order', 'Order', 'Triggers when an order is paid.'],
  ['order.cancelled', 'Cancelled Order', 'Order', 'Triggers when an order is cancelled.'],
  ['order.refunded', 'Refunded Order', 'Order', 'Triggers when a refund is added to an order.'],
  ['order.fulfilled', 'Fulfilled Order', 'Order', 'Triggers when an order is fulfilled, shipped or delivered.'],
  ['ticket.created', 'New Ticket', 'Ticket', 'Triggers when a ticket is created in a connected system.'],
  ['ticket.updated', 'Updated Ticket', 'Ticket', 'Triggers when a field of a ticket changes.'],
  ['ticket.comment_added', 'New Comment on Ticket', 'Comment', 'Triggers when a comment is added to a ticket.'],
  ['ticket.resolved', 'Resolved Ticket', 'Ticket', 'Triggers when a ticket is resolved.'],
  ['ticket.reopened', 'Reopened Ticket', 'Ticket', 'Triggers when a resolved ticket is open again.'],
  ['stock_level.low', 'Low Stock', 'Stock Level', 'Triggers when the stock of a product falls below its threshold.'],
  ['operation.finished', 'Finished Write', 'Write', 'Triggers when a write that was answered 202 has its outcome.'],
];

const CHANGED = {
  key: 'changed',
  label: 'Only if one of these fields changed',
  type: 'string',
  required: false,
  list: true,
  helpText: 'Names of canonical fields, such as `emails` or `payment_status`. Without them, any change counts.',
};
const EVENTS = {
  key: 'events',
  label: 'Events',
  type: 'string',
  required: true,
  list: true,
  dynamic: 'event_type_list.id.name',
};

const filled = (list) => (list?.filter(Boolean).length ? list.filter(Boolean) : undefined);

const performSubscribe = (eventsOf) => async (z, bundle) => {
  const { connection, changed } = bundle.inputData;
  const body = { target_url: bundle.targetUrl, events: eventsOf(bundle), connection, changed: filled(changed) };
  const subscription = await call(z, bundle, 'POST', '/v1/subscriptions', { body });
  if (subscription.secret) return subscription;
  // Zapier subscribed before with this URL, and its answer was lost. The secret is shown once, so take a new one.
  return call(z, bundle, 'POST', `/v1/subscriptions/${subscription.id}/rotate-secret`);
};

const performUnsubscribe = async (z, bundle) => {
  await call(z, bundle, 'DELETE', `/v1/subscriptions/${bundle.subscribeData.id}`);
  return {};
};

const isSigned = (secret, headers, content) => {
  const header = (name) => headers[`Http-${name}`] ?? '';
  const signed = `${header('Webhook-Id')}.${header('Webhook-Timestamp')}.${content}`;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const wanted = Buffer.from(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  return header('Webhook-Signature')
    .split(' ')
    .map((one) => Buffer.from(one))
    .some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
};

// Zapier may run this long after the delivery, so the age of the signature is not judged.
const perform = (z, bundle) => {
  const { secret } = bundle.subscribeData ?? {};
  const { headers, content } = bundle.rawRequest ?? {};
  if (!secret || !headers)
    throw new z.errors.Error('The hook has no secret. Turn the Zap off and on again.', 'no-secret');
  if (!isSigned(secret, headers, content)) {
    throw new z.errors.Error('This request is not signed by your Lockstitch, and was dropped.', 'invalid-signature');
  }
  return [JSON.parse(content)];
};

// The newest real events for the Zap editor, else a sample that Lockstitch makes.
const performList = (eventsOf) => async (z, bundle) => {
  const [type] = eventsOf(bundle);
  const feed = FEEDS[type.split('.')[0]];
  const { connection } = bundle.inputData;
  const query = { type, connection, limit: SHOWN };
  const recent = feed ? await call(z, bundle, 'GET', `/v1/feeds/${feed}`, { query }) : [];
  return recent.length ? recent : call(z, bundle, 'GET', `/v1/samples/${type}`, { query: { as: 'list' } });
};

const trigger = (key, noun, label, description, eventsOf, inputFields, type) => ({
  key,
  noun,
  display: { label, description },
  operation: {
    type: 'hook',
    inputFields,
    performSubscribe: performSubscribe(eventsOf),
    performUnsubscribe,
    perform,
    performList: performList(eventsOf),
    sample: eventSample(type),
  },
});

module.exports = [
  ...TYPES.map(([type, label, noun, description]) => {
    const fields = type.endsWith('.updated') ? [CONNECTION, CHANGED] : [CONNECTION];
    return trigger(type.replace('.', '_'), noun, label, description, () => [type], fields, type);
  }),
  trigger(
    'event',
    'Event',
    'Any Event',
    'Triggers when one of the events that you choose happens.',
    (bundle) => filled(bundle.inputData.events),
    [EVENTS, CONNECTION, CHANGED],
    'customer.updated',
  ),
];
