'use strict';

// Hidden triggers that fill drop-downs.

const { call } = require('../lib/call');

const list = (key, noun, label, path, item) => ({
  key,
  noun,
  display: { label, description: `Fills the drop-downs of ${label.toLowerCase()}.`, hidden: true },
  operation: {
    perform: async (z, bundle) => (await call(z, bundle, 'GET', path)).data.map(item),
    sample: { id: 'hubspot', name: 'HubSpot (hubspot)' },
  },
});

module.exports = [
  list('connection_list', 'Connection', 'Connections', '/v1/connections', ({ name, title }) => ({
    id: name,
    name: `${title} (${name})`,
  })),
  list('event_type_list', 'Event Type', 'Event Types', '/v1/options/events', ({ value }) => ({
    id: value,
    name: value,
  })),
];
