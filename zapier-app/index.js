'use strict';

const { version: platformVersion } = require('zapier-platform-core');
const { version } = require('./package.json');

const byKey = (definitions) => Object.fromEntries(definitions.map((one) => [one.key, one]));

module.exports = {
  version,
  platformVersion,
  authentication: require('./authentication'),
  triggers: byKey([...require('./triggers/hooks'), ...require('./triggers/polling'), ...require('./triggers/lists')]),
  creates: byKey(require('./creates')),
  searches: byKey(require('./searches').searches),
  searchOrCreates: byKey(require('./searches').searchOrCreates),
};
