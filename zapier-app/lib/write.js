'use strict';

// Writes: one effect however often Zapier runs the step.

const { createHash } = require('node:crypto');
const { exchange, RETRY_AFTER_S } = require('./call');

const WAIT_S = 20; // Zapier ends a step after 30 s
const LONGEST_KEY = 255;

const digest = (text) => createHash('sha256').update(text).digest('hex');

// Zap, action, target, and the business key. In the editor, where a person changes fields between two tests of a step,
// also what is written.
const keyOf = (z, bundle, action, connection, body) => {
  const about = String(bundle.inputData.business_key ?? '').trim();
  if (!about) {
    const text = 'The business key is empty, so every run would be the same write. Map what differs, such as an ID.';
    throw new z.errors.Error(text, 'idempotency-key-missing');
  }
  const zap = bundle.meta?.zap?.id || 'zapier';
  const test = bundle.meta?.isLoadingSample ? [`test-${digest(JSON.stringify(body ?? null)).slice(0, 16)}`] : [];
  const key = [zap, action, connection || 'default', about, ...test].join('-');
  return /^[!#-~][!-~]*$/.test(key) && key.length <= LONGEST_KEY ? key : `${zap}-${action}-${digest(key)}`;
};

const write = async (z, bundle, action, method, path, { query = {}, body } = {}) => {
  const { connection, fail_if_lost: whole } = bundle.inputData;
  const key = keyOf(z, bundle, action, body?.connection ?? connection, body);
  const { status, data } = await exchange(z, bundle, method, path, {
    query: { connection, loss: String(whole) === 'true' ? 'none' : undefined, ...query },
    body,
    headers: {
      'Idempotency-Key': key,
      Prefer: `wait=${WAIT_S}`,
      'X-Correlation-ID': `zapier:${key}`.replace(/[^A-Za-z0-9._:/+=@-]/g, '.').slice(0, 128),
    },
  });
  if (status !== 202) return data;
  // Recorded and undecided. The repetition by Zapier has the same key, and gets the outcome.
  const reason = data.waiting_for?.detail ?? 'its outcome is not decided yet';
  throw new z.errors.ThrottledError(
    `The write is recorded as ${data.id}, and ${reason}. Zapier asks again for the outcome; nothing is written twice.`,
    RETRY_AFTER_S,
  );
};

module.exports = { write };
