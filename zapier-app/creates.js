'use strict';

// Actions that write: create, create or update, update and copy of each object, and a comment on a ticket.

const { BUSINESS_KEY, CONNECTION, FAIL_IF_LOST, INPUTS, MORE, bodyOf } = require('./lib/fields');
const { withoutEmpty } = require('./lib/call');
const { RECORDS } = require('./lib/samples');
const { write } = require('./lib/write');

const OBJECTS = [
  ['customer', 'customers', ['email', 'external_id']],
  ['order', 'orders', ['external_id']],
  ['ticket', 'tickets', ['external_id']],
];

const titled = (object) => object[0].toUpperCase() + object.slice(1);
const a = (object) => `${object === 'order' ? 'an' : 'a'} ${object}`;
const idField = (object) => ({
  key: 'id',
  label: `ID of the ${object}`,
  type: 'string',
  required: true,
  helpText: 'The canonical ID of a trigger or a look-up, or `<connection>:<ID at the vendor>`.',
});

const action = (key, object, label, description, inputFields, perform, sample = RECORDS[object]) => ({
  key,
  noun: titled(object),
  display: { label, description },
  operation: { inputFields, perform, sample },
});

const actionsOf = ([object, plural, keys]) => {
  const fields = [...INPUTS[object], MORE];
  const around = [BUSINESS_KEY, CONNECTION, FAIL_IF_LOST];
  const path = (bundle) => `/v1/${plural}/${encodeURIComponent(bundle.inputData.id)}`;
  const upsertOn = {
    key: 'upsert_on',
    label: 'Find it by',
    type: 'string',
    required: true,
    choices: keys,
    default: keys[0],
  };
  const onExisting = {
    key: 'on_existing',
    label: 'If it exists',
    type: 'string',
    required: false,
    choices: { update: 'Update it', ignore: 'Leave it as it is' },
  };
  const target = { ...CONNECTION, required: true, label: 'Copy to', helpText: 'The system that gets the copy.' };
  const matchOn = {
    key: 'match_on',
    label: 'Match by',
    type: 'string',
    required: false,
    choices: keys,
    helpText: 'Update the one with this key if there is one and the two are not linked yet.',
  };
  return [
    action(
      `create_${object}`,
      object,
      `Create ${titled(object)}`,
      `Creates ${a(object)}, once for each business key.`,
      [...fields, ...around],
      (z, bundle) =>
        write(z, bundle, `create-${object}`, 'POST', `/v1/${plural}`, { body: bodyOf(z, object, bundle.inputData) }),
    ),
    action(
      `upsert_${object}`,
      object,
      `Create or Update ${titled(object)}`,
      `Updates the ${object} with this key, or creates one. Empty fields stay as they are.`,
      [upsertOn, onExisting, ...fields, ...around],
      (z, bundle) => {
        const { upsert_on, on_existing } = bundle.inputData;
        const body = bodyOf(z, object, bundle.inputData);
        return write(z, bundle, `upsert-${object}`, 'POST', `/v1/${plural}`, {
          query: { upsert_on, on_existing },
          body,
        });
      },
    ),
    action(
      `update_${object}`,
      object,
      `Update ${titled(object)}`,
      `Changes the fields of ${a(object)} that you fill in. To clear one, set it to null in the further fields.`,
      [idField(object), ...fields, ...around],
      (z, bundle) =>
        write(z, bundle, `update-${object}`, 'PATCH', path(bundle), { body: bodyOf(z, object, bundle.inputData) }),
    ),
    action(
      `copy_${object}`,
      object,
      `Copy ${titled(object)}`,
      `Carries ${a(object)} to another system, and links the two.`,
      [idField(object), target, matchOn, BUSINESS_KEY, FAIL_IF_LOST],
      (z, bundle) => {
        const { connection, match_on } = bundle.inputData;
        const body = withoutEmpty({ connection, match_on });
        return write(z, bundle, `copy-${object}`, 'POST', `${path(bundle)}/copies`, {
          query: { connection: '' },
          body,
        });
      },
    ),
  ];
};

const comment = action(
  'add_comment',
  'comment',
  'Add Comment to Ticket',
  'Adds a comment to a ticket, once for each business key.',
  [
    idField('ticket'),
    { key: 'body_text', label: 'Text', type: 'text', required: true },
    {
      key: 'visibility',
      label: 'Who may read it',
      type: 'string',
      required: true,
      choices: { private: 'Agents', public: 'The requester too' },
      default: 'private',
    },
    BUSINESS_KEY,
    CONNECTION,
    FAIL_IF_LOST,
  ],
  async (z, bundle) => {
    const { id, body_text, visibility } = bundle.inputData;
    const path = `/v1/tickets/${encodeURIComponent(id)}/comments`;
    const made = await write(z, bundle, 'comment', 'POST', path, { body: { body_text, visibility } });
    return { ...made, id: made.remote_id }; // Zapier asks for an `id`
  },
  { id: '1274', ...RECORDS.comment },
);

module.exports = [...OBJECTS.flatMap(actionsOf), comment];
