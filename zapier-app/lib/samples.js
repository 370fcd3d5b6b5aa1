'use strict';

// Records and events as Zapier shows them before it has called Lockstitch.

const meta = (connection, remote_id) => ({ connection, vendor: connection, remote_id, loss: [] });

const RECORDS = {
  customer: {
    id: 'cus_0198f0a2b7c47d3c9a51f2e80b6c4d17',
    display_name: 'Ann Lee',
    first_name: 'Ann',
    last_name: 'Lee',
    emails: [{ address: 'ann@example.com', is_primary: true }],
    meta: meta('hubspot', '1051'),
  },
  order: {
    id: 'ord_0198f0a2b7c47d3c9a51f2e80b6c4d18',
    number: '#1001',
    currency: 'EUR',
    totals: { total: '19.50' },
    payment_status: 'paid',
    meta: meta('shopify', '5678901234'),
  },
  ticket: {
    id: 'tkt_0198f0a2b7c47d3c9a51f2e80b6c4d19',
    subject: 'Late parcel',
    status: 'open',
    priority: 'normal',
    meta: meta('zendesk', '4711'),
  },
  stock_level: {
    connection: 'shopify',
    remote_id: '43729076@655441491',
    sku: 'MUG-BLUE',
    location: 'Warehouse',
    available: 2,
    threshold: 5,
  },
  comment: {
    remote_id: '1274',
    body_text: 'It is on its way.',
    visibility: 'public',
    meta: meta('zendesk', '1274'),
  },
};
const OPERATION = {
  id: 'op_0198f0a2b7c47d3c9a51f2e80b6c4d20',
  state: 'succeeded',
  object: 'customer',
  action: 'create',
};

const eventSample = (type) => ({
  id: 'evt_000000000000000004d20000000000000001',
  type,
  timestamp: '2026-05-01T09:30:00Z',
  connection: 'hubspot',
  correlation_id: 'orders-4711',
  data: RECORDS[type.split('.')[0]] ?? OPERATION,
});

module.exports = { RECORDS, eventSample };
