// A Medusa without its administration pages. The secrets sign what lives no longer than the test that asked for it.
const { defineConfig } = require('@medusajs/framework/utils');

const here = 'http://127.0.0.1';
// One of the two ways in which Medusa reaches its database takes the folder of the socket from the address, the other
// from here.
const host = new URL(process.env.DATABASE_URL).searchParams.get('host');

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    databaseDriverOptions: { ssl: false, connection: { ssl: false, host } },
    http: { storeCors: here, adminCors: here, authCors: here, jwtSecret: 'peer', cookieSecret: 'peer' },
  },
});
