'use strict';

// The Lockstitch under test, and Zapier's part: its bundles, and a URL that takes hooks.

const { createServer } = require('node:http');
const { createAppTester } = require('zapier-platform-core');
const App = require('../index');

const { LOCKSTITCH_API: api, LOCKSTITCH_KEY: key, LOCKSTITCH_EMULATORS: emulators, HOOK_PORT: port } = process.env;
const run = createAppTester(App);

const bundle = (inputData = {}, more = {}) => ({
  authData: { api_url: `${api}/`, api_key: key },
  inputData,
  meta: { zap: { id: '4711' } },
  ...more,
});

const request = async (method, url, body) => {
  const options = { method, headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' } };
  const answer = await fetch(url, { ...options, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text && JSON.parse(text) };
};

// What an emulator holds, as the vendor has it.
const recordsOf = async (vendor, object) =>
  (await request('GET', `${emulators}/_emulator/records?vendor=${vendor}&object=${object}`)).body.records;

// Take one delivery as Zapier does: the raw request, with its headers renamed.
const hooks = async () => {
  const waiting = [];
  const server = createServer((incoming, answer) => {
    const pieces = [];
    incoming.on('data', (piece) => pieces.push(piece));
    incoming.on('end', () => {
      const camel = (name) => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
      const renamed = ([name, value]) => [/^content-/.test(name) ? camel(name) : `Http-${camel(name)}`, value];
      const headers = Object.fromEntries(Object.entries(incoming.headers).map(renamed));
      waiting.shift()?.({
        method: incoming.method,
        querystring: '',
        headers,
        content: Buffer.concat(pieces).toString(),
      });
      answer.writeHead(200).end('{}');
    });
  });
  await new Promise((ready) => server.listen(Number(port), '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${port}/hooks/catch/4711/`,
    next: () => new Promise((take) => waiting.push(take)),
    close: () => server.close(),
  };
};

module.exports = { App, api, bundle, emulators, hooks, recordsOf, request, run };
