import { createHmac, timingSafeEqual } from 'node:crypto';

import type { IDataObject } from 'n8n-workflow';

const TOLERANCE_S = 300;

/** Return whether one of the signatures is that of the body under the secret (Standard Webhooks 1.0), and is recent. */
export function isSigned(secret: string, headers: IDataObject, body: Buffer, now = Date.now()): boolean {
	const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
		String(headers[name] ?? ''),
	);
	if (id === '' || !/^\d+$/.test(timestamp)) return false;
	if (Math.abs(now / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
	return signatures
		.split(' ')
		.filter((signature) => signature.startsWith('v1,'))
		.map((signature) => Buffer.from(signature.slice(3), 'base64'))
		.some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected));
}
