'use strict';

// Triggers for Zaps whose Lockstitch cannot reach Zapier: they poll the feed of an object.

const { call } = require('../lib/call');
const { CONNECTION } = require('../lib/fields');
const { eventSample } = require('../lib/samples');

const MOST = 100;

const polling = (object, plural) => ({
  key: `poll_${plural}`,
  noun: 'Event',
  display: {
    label: `New or Changed ${object[0].toUpperCase()}${object.slice(1)} (Polling)`,
    description: `Triggers when a ${object} was created, changed or deleted, for networks that hooks cannot leave.`,
  },
  operation: {
    type: 'polling',
    inputFields: [
      {
        key: 'type',
        label: 'Only these events',
        type: 'string',
        required: false,
        choices: ['created', 'updated', 'deleted'].map((verb) => `${object}.${verb}`),
      },
      CONNECTION,
    ],
    // Newest first; each event has its own `id`, by which Zapier drops what it has seen.
    perform: (z, bundle) => {
      const { type, connection } = bundle.inputData;
      return call(z, bundle, 'GET', `/v1/feeds/${plural}`, { query: { type, connection, limit: MOST } });
    },
    sample: eventSample(`${object}.updated`),
  },
});

module.exports = [polling('customer', 'customers'), polling('order', 'orders'), polling('ticket', 'tickets')];
