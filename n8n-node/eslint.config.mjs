import { config } from '@n8n/node-cli/eslint';

// Lockstitch is Apache-2.0. n8n verifies only MIT packages, and verification is not claimed.
export default [...config, { files: ['package.json'], rules: { 'n8n-nodes-base/community-package-json-license-not-default': 'off' } }];
