// Creates, reads and changes a customer by the client that openapi-ts made, and prints what came back.
//
// usage: client.js API KEY        (compiled beside the folder `lockstitch` of the generated client)

import { changeCustomer, createCustomer, readCustomer } from './lockstitch';
import { client } from './lockstitch/client.gen';

async function run(api: string, key: string): Promise<void> {
  client.setConfig({ baseUrl: api, auth: key });
  const made = await createCustomer({
    headers: { 'Idempotency-Key': 'typescript-create' },
    query: { connection: 'hubspot' },
    body: { first_name: 'Juno', last_name: 'Falk', emails: [{ address: 'juno.falk@example.com' }] },
    throwOnError: true,
  });
  const id = 'id' in made.data ? made.data.id : undefined;
  if (id === undefined) throw new Error('no record');
  const changed = await changeCustomer({
    path: { id },
    headers: { 'Idempotency-Key': 'typescript-change' },
    body: { job_title: null, last_name: 'Falk-Lind' },
    throwOnError: true,
  });
  const read = await readCustomer({ path: { id }, throwOnError: true });
  const refused = await readCustomer({ path: { id: 'cus_00000000000000000000000000000000' } });
  console.log(
    JSON.stringify({
      remote_id: read.data.meta.remote_id,
      last_name: read.data.last_name,
      email: read.data.emails[0]?.address,
      changed: 'last_name' in changed.data ? changed.data.last_name : null,
      refused: refused.error?.code,
    }),
  );
}

void run(process.argv[2] ?? '', process.argv[3] ?? '');
