// Reads curl commands, one JSON text per line, and prints each as the parser of n8n's "Import cURL" understands it.

import { createInterface } from 'node:readline';
import { toJsonObject } from 'curlconverter';

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(toJsonObject(JSON.parse(line))));
}
