'use strict';

const { call } = require('./lib/call');

module.exports = {
  type: 'custom',
  fields: [
    {
      key: 'api_url',
      label: 'Address of your Lockstitch',
      type: 'string',
      required: true,
      placeholder: 'https://lockstitch.example.com',
      helpText: 'The public address of the API, without a path.',
    },
    {
      key: 'api_key',
      label: 'API key',
      type: 'password',
      required: true,
      helpText:
        'An operator makes it: `lockstitch key create zapier --scope subscriptions:write --scope customers:read ' +
        '--scope customers:write`, and the scopes of the other objects that your Zaps use.',
    },
  ],
  test: (z, bundle) => call(z, bundle, 'GET', '/v1/me'),
  connectionLabel: '{{name}} at {{bundle.authData.api_url}}',
};
