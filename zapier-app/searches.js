'use strict';

// Look-ups by a key: in one system, or in all of them at once.

const { call, exchange } = require('./lib/call');
const { CONNECTION } = require('./lib/fields');
const { RECORDS } = require('./lib/samples');

const OBJECTS = [
  ['customer', 'customers', ['email', 'external_id']],
  ['order', 'orders', ['number', 'external_id', 'email']],
  ['ticket', 'tickets', ['number', 'external_id']],
];

const titled = (object) => object[0].toUpperCase() + object.slice(1);
const a = (object) => `${object === 'order' ? 'an' : 'a'} ${object}`;
const keyFields = (keys) => [
  { key: 'by', label: 'Find it by', type: 'string', required: true, choices: keys, default: keys[0] },
  { key: 'value', label: 'Value', type: 'string', required: true },
];

const find = ([object, plural, keys]) => ({
  key: `find_${object}`,
  noun: titled(object),
  display: {
    label: `Find ${titled(object)}`,
    description: `Finds the one ${object} with this key in one system. Several with the key are an error.`,
  },
  operation: {
    inputFields: [...keyFields(keys), CONNECTION],
    perform: async (z, bundle) => {
      const { by, value, connection } = bundle.inputData;
      const query = { [by]: value, connection };
      const answer = await exchange(z, bundle, 'GET', `/v1/${plural}/lookup`, { query, except: ['not-found'] });
      return answer.status === 404 ? [] : [answer.data];
    },
    sample: RECORDS[object],
  },
});

const findEverywhere = ([object, plural, keys]) => ({
  key: `find_${object}_everywhere`,
  noun: titled(object),
  display: {
    label: `Find ${titled(object)} in All Systems`,
    description: `Asks all systems for ${a(object)} with this key, and lists those that did not answer in time.`,
  },
  operation: {
    inputFields: keyFields(keys),
    perform: async (z, bundle) => {
      const { by, value } = bundle.inputData;
      const query = { [by]: value, connections: 'all' };
      const { data, unreachable } = await call(z, bundle, 'GET', `/v1/${plural}/lookup`, { query });
      // Nothing was found only if all systems have answered.
      if (!data.length && !unreachable.length) return [];
      return [{ id: `${by}:${value}`, found: data.length, complete: !unreachable.length, records: data, unreachable }];
    },
    sample: { id: 'email:ann@example.com', found: 1, complete: true, records: [RECORDS[object]], unreachable: [] },
  },
});

const findOrCreate = ([object]) => ({
  key: `find_${object}`,
  display: {
    label: `Find or Create ${titled(object)}`,
    description: `Finds the ${object} with this key, or creates one.`,
  },
  search: `find_${object}`,
  create: `upsert_${object}`,
});

module.exports = {
  searches: [...OBJECTS.map(find), ...OBJECTS.map(findEverywhere)],
  searchOrCreates: OBJECTS.map(findOrCreate),
};
