import { randomUUID } from 'node:crypto';

import type { IDataObject, IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { pathOf, send, withoutEmpty } from './requests';

/** What the node remembers of its subscription. `wanted` is the JSON of what it subscribed to. */
export interface Subscribed extends IDataObject {
	id: string;
	secret: string;
	wanted: string;
}

const SEVEN_DAYS_S = 7 * 86_400;

/** Return whether the remembered subscription exists and is what the node is set to; enable it if it was disabled. */
export async function isCurrent(context: IHookFunctions): Promise<boolean> {
	const stored = storedOf(context);
	if (!stored.id || !stored.secret) return false;
	if (stored.wanted !== JSON.stringify(wantedOf(context))) {
		await unsubscribe(context);
		return false;
	}
	const { status, body } = await send(context, { path: pathOf('subscriptions', stored.id), accepts: [404] });
	if (body.state === 'disabled') {
		await send(context, { method: 'POST', path: pathOf('subscriptions', stored.id, 'enable') });
	}
	return status !== 404;
}

/** Subscribe the node's URL and remember the secret that signs its deliveries. */
export async function subscribe(context: IHookFunctions): Promise<void> {
	const wanted = wantedOf(context);
	if ((wanted.events as string[]).length === 0) {
		throw new NodeOperationError(context.getNode(), 'Choose at least one event');
	}
	if (context.getNodeParameter('dropRepeats', false) === true) await requireClaims(context);
	const { body } = await send(context, { method: 'POST', path: pathOf('subscriptions'), body: wanted });
	const secret = body.secret ?? (await rotated(context, body.id as string));
	Object.assign(storedOf(context), { id: body.id, secret, wanted: JSON.stringify(wanted) });
}

/** Remove the subscription, and with it the deliveries that wait. */
export async function unsubscribe(context: IHookFunctions): Promise<void> {
	const stored = storedOf(context);
	if (stored.id) await send(context, { method: 'DELETE', path: pathOf('subscriptions', stored.id) });
	for (const name of ['id', 'secret', 'wanted']) delete stored[name];
}

/**
 * Claim an event for this node, and return whether no other delivery has it.
 *
 * A test run claims apart from the published workflow, so that both get the event.
 */
export async function claim(context: IWebhookFunctions, event: string): Promise<boolean> {
	const place = context.getMode() === 'manual' ? 'test' : 'live';
	const instance = context.getInstanceId().slice(0, 16);
	const name = ['n8n', instance, context.getWorkflow().id, context.getNode().id, place, event].join(':');
	const { status } = await send(context, {
		method: 'POST',
		path: pathOf('claims'),
		body: { name: name.slice(0, 255), ttl: SEVEN_DAYS_S },
		headers: { 'Idempotency-Key': randomUUID() }, // if the answer is lost, the repetition gets its own claim
		accepts: [409],
		patience: 5,
	});
	return status !== 409;
}

/** A claim needs a scope that writes: say so when the workflow is published, not at the first event. */
async function requireClaims(context: IHookFunctions): Promise<void> {
	const { body } = await send(context, { path: '/v1/me' });
	if ((body.scopes as string[]).some((scope) => /^(customers|orders|tickets):write$/.test(scope))) return;
	throw new NodeOperationError(context.getNode(), 'Drop Repeats needs a key that may write', {
		description: 'Give the key customers:write, orders:write or tickets:write, or switch Drop Repeats off.',
	});
}

async function rotated(context: IHookFunctions, id: string): Promise<string> {
	const { body } = await send(context, { method: 'POST', path: pathOf('subscriptions', id, 'rotate-secret') });
	return body.secret as string;
}

function wantedOf(context: IHookFunctions): IDataObject {
	const changed = context.getNodeParameter('changed', []) as string[];
	return {
		target_url: context.getNodeWebhookUrl('default'),
		events: context.getNodeParameter('events', []) as string[],
		...withoutEmpty({ connection: context.getNodeParameter('connection', '') as string }),
		...(changed.length === 0 ? {} : { changed }),
	};
}

function storedOf(context: IHookFunctions): Partial<Subscribed> {
	return context.getWorkflowStaticData('node') as Partial<Subscribed>;
}
