'use strict';

// One call of the API. Refusals become errors in the words of Lockstitch, which Zapier shows to the person.

const RETRY_AFTER_S = 60;

const withoutEmpty = (values) =>
  Object.fromEntries(
    Object.entries(values ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );

// Say what happened, what to do, and the words that an operator looks for.
const sentence = (problem) => {
  const fields = (problem.errors ?? []).map((one) => `${one.pointer ?? one.parameter ?? one.header}: ${one.detail}.`);
  const candidates = (problem.candidates ?? []).map((one) => one.id).join(', ');
  return [
    problem.detail || problem.title,
    fields.length > 1 ? fields.join(' ') : '',
    candidates && `Candidates: ${candidates}.`,
    problem.next_step,
    `(${problem.code}, run ${problem.correlation_id})`,
  ]
    .filter(Boolean)
    .join(' ');
};

const problemOf = (response) => {
  const problem = response.data;
  if (problem && typeof problem === 'object' && problem.code) return problem;
  const title = `${new URL(response.request.url).host} answered ${response.status}, not in the words of Lockstitch.`;
  return {
    title,
    code: 'no-problem-document',
    next_step: 'Check the address of your Lockstitch and the proxy in front of it.',
    correlation_id: 'unknown',
    retryable: response.status >= 500 || response.status === 429,
  };
};

// Zapier repeats a throttled step by itself, with the same input and so with the same Idempotency-Key.
const refusal = (z, response) => {
  const problem = problemOf(response);
  const text = sentence(problem);
  if (response.status === 401) return new z.errors.ExpiredAuthError(text);
  if (problem.retryable) return new z.errors.ThrottledError(text, problem.retry_after ?? RETRY_AFTER_S);
  return new z.errors.Error(text, problem.code, response.status);
};

// Return what is answered. `except` lists the codes of problems that are returned too, as `{ status, data }` of them.
const exchange = async (z, bundle, method, path, { query, body, headers, except = [] } = {}) => {
  const response = await z.request({
    method,
    url: bundle.authData.api_url.trim().replace(/\/+$/, '') + path,
    params: withoutEmpty(query),
    body,
    headers: { Accept: 'application/json', Authorization: `Bearer ${bundle.authData.api_key}`, ...headers },
    skipThrowForStatus: true,
  });
  if (response.status >= 400 && !except.includes(response.data?.code)) throw refusal(z, response);
  return { status: response.status, data: response.data };
};

const call = async (...request) => (await exchange(...request)).data;

module.exports = { call, exchange, withoutEmpty, RETRY_AFTER_S };
