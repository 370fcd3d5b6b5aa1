'use strict';

// The input fields of customers, orders and tickets, and the canonical bodies that are made of them.

const { withoutEmpty } = require('./call');

const text = (key, label, more = {}) => ({ key, label, type: 'string', required: false, ...more });

const CONNECTION = {
  key: 'connection',
  label: 'Connection',
  type: 'string',
  required: false,
  dynamic: 'connection_list.id.name',
  helpText: 'The system. Without one, the system of record of the object.',
};
const BUSINESS_KEY = {
  key: 'business_key',
  label: 'Business key',
  type: 'string',
  required: true,
  helpText:
    'What this write is about, such as the order number, or the ID of the event that triggered the Zap. A write with ' +
    'the same business key has no second effect for seven days, also if the Zap is replayed.',
};
const FAIL_IF_LOST = {
  key: 'fail_if_lost',
  label: 'Fail if something would be lost?',
  type: 'boolean',
  required: false,
  helpText: 'Refuse the write if the system cannot store every field. Otherwise `meta.loss` lists what was lost.',
};
const MORE = {
  key: 'more',
  label: 'Further fields',
  type: 'text',
  required: false,
  helpText: 'A JSON object with further canonical fields, such as {"notes": "Call back"}. They win over those above.',
};
const TAGS = text('tags', 'Tags', { list: true });
const EXTERNAL_ID = text('external_id', 'External ID', { helpText: 'Your own key of the record.' });

const INPUTS = {
  customer: [
    text('email', 'E-mail address'),
    text('first_name', 'First name'),
    text('last_name', 'Last name'),
    text('company_name', 'Company'),
    text('job_title', 'Job title'),
    text('phone', 'Phone number', { helpText: 'With country code: +49 30 901820.' }),
    text('language', 'Language', { helpText: 'A BCP 47 tag, such as en or de-AT.' }),
    EXTERNAL_ID,
    TAGS,
  ],
  order: [
    EXTERNAL_ID,
    text('currency', 'Currency', { helpText: 'Three letters, such as EUR.' }),
    text('customer_email', "Customer's e-mail address"),
    {
      key: 'line_items',
      label: 'Line items',
      children: [
        text('name', 'Name'),
        text('sku', 'SKU'),
        text('quantity', 'Quantity'),
        text('unit_price', 'Unit price', { helpText: 'A decimal number with a point, such as 6.50.' }),
      ],
    },
    TAGS,
  ],
  ticket: [
    text('subject', 'Subject'),
    text('description', 'Description', { type: 'text' }),
    text('requester_email', "Requester's e-mail address"),
    text('requester_name', "Requester's name"),
    text('priority', 'Priority', { choices: ['low', 'normal', 'high', 'urgent'] }),
    EXTERNAL_ID,
    TAGS,
  ],
};

const person = (email, name) => (email ? withoutEmpty({ email, name }) : undefined);
const listed = (values) => (values?.length ? values : undefined);

const BODIES = {
  customer: ({ email, phone }) => ({
    emails: email ? [{ address: email, is_primary: true }] : undefined,
    phones: phone ? [{ raw: phone, is_primary: true }] : undefined,
  }),
  order: (input) => ({
    customer: person(input.customer_email),
    line_items: listed(
      input.line_items?.map((item) =>
        withoutEmpty({ ...item, quantity: decimal(item.quantity), unit_price: decimal(item.unit_price) }),
      ),
    ),
  }),
  ticket: (input) => ({ requester: person(input.requester_email, input.requester_name) }),
};
const COMPOSED = ['email', 'phone', 'customer_email', 'line_items', 'requester_email', 'requester_name', 'tags'];

// Amounts and quantities are texts.
const decimal = (value) => (value === undefined || value === null ? undefined : String(value));

// Return the canonical body of what a person filled in.
const bodyOf = (z, object, input) => {
  const plain = INPUTS[object].map((one) => one.key).filter((key) => !COMPOSED.includes(key));
  const filled = withoutEmpty({
    ...Object.fromEntries(plain.map((key) => [key, input[key]])),
    ...BODIES[object](input),
    tags: listed(input.tags?.filter(Boolean)),
  });
  return { ...filled, ...furtherFields(z, input.more) };
};

const furtherFields = (z, more) => {
  if (!more) return {};
  try {
    const fields = typeof more === 'string' ? JSON.parse(more) : more;
    if (fields && typeof fields === 'object' && !Array.isArray(fields)) return fields;
  } catch {
    // The message below says it.
  }
  throw new z.errors.Error('Further fields: not a JSON object. Write it like {"notes": "Call back"}.', 'invalid-field');
};

module.exports = { BUSINESS_KEY, CONNECTION, FAIL_IF_LOST, INPUTS, MORE, bodyOf };
