import type {
	IDataObject,
	IExecuteFunctions,
	IHookFunctions,
	IHttpRequestMethods,
	IHttpRequestOptions,
	ILoadOptionsFunctions,
	IPollFunctions,
	IWebhookFunctions,
} from 'n8n-workflow';
import { sleep } from 'n8n-workflow';

import { problemError, problemOf, unreachable } from './errors';

/** Everything that a call can be made from. */
export type Context = IExecuteFunctions | IHookFunctions | ILoadOptionsFunctions | IPollFunctions | IWebhookFunctions;

/** One call of the API. `path` begins with a slash; an empty query value is not sent. */
export interface Call {
	method?: IHttpRequestMethods;
	path: string;
	query?: IDataObject;
	body?: IDataObject;
	csv?: Buffer;
	headers?: IDataObject;
	/** Refusals that are returned as an answer instead of thrown. */
	accepts?: number[];
	/** The item that the call is made for, for error messages. */
	item?: number;
	/** Seconds to wait in all when Lockstitch is busy, 30 unless stated. */
	patience?: number;
}

/** A success: its status, headers and parsed body. */
export interface Answer {
	status: number;
	headers: IDataObject;
	body: IDataObject;
}

export const CREDENTIAL = 'lockstitchApi';
const PATIENCE_S = 30;
const TIMEOUT_MS = 60_000;
const SENDS_WITHOUT_ANSWER = 3;

/**
 * Make a call and return its success.
 *
 * Repeat it, within the patience, after 429 and 503 as `Retry-After` asks, while an equal call is in progress, and when no
 * answer came. A write has a key, so a repetition has no second effect. Everything else throws a `NodeApiError` in
 * Lockstitch's words.
 */
export async function send(context: Context, call: Call): Promise<Answer> {
	const { baseUrl } = await context.getCredentials<{ baseUrl: string }>(CREDENTIAL);
	const base = baseUrl.trim().replace(/\/+$/, '');
	const patience = call.patience ?? PATIENCE_S;
	let waited = 0;
	for (let attempt = 1; ; attempt++) {
		const received = await exchange(context, base, call);
		if (!(received instanceof Error) && (received.status < 400 || call.accepts?.includes(received.status))) {
			return received;
		}
		const pause = pauseAfter(received, attempt);
		if (pause === undefined || waited + pause > patience) {
			throw received instanceof Error
				? unreachable(context.getNode(), base, received, call.item)
				: problemError(context.getNode(), problemOf(received), call.item);
		}
		waited += pause;
		await sleep(pause * 1000);
	}
}

async function exchange(context: Context, base: string, call: Call): Promise<Answer | Error> {
	const options: IHttpRequestOptions = {
		method: call.method ?? 'GET',
		url: `${base}${call.path}`,
		qs: withoutEmpty(call.query ?? {}),
		headers: { Accept: 'application/json', ...call.headers },
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
		timeout: TIMEOUT_MS,
		...(call.csv === undefined ? { json: true } : {}),
	};
	if (call.body !== undefined) options.body = call.body;
	if (call.csv !== undefined) {
		options.body = call.csv;
		options.headers = { ...options.headers, 'Content-Type': 'text/csv' };
	}
	try {
		const answer = (await context.helpers.httpRequestWithAuthentication.call(context, CREDENTIAL, options)) as {
			statusCode: number;
			headers: IDataObject;
			body: unknown;
		};
		return { status: answer.statusCode, headers: answer.headers, body: parsed(answer.body) };
	} catch (error) {
		return error as Error;
	}
}

function pauseAfter(received: Answer | Error, attempt: number): number | undefined {
	const backoff = 2 ** (attempt - 1);
	if (received instanceof Error) return attempt < SENDS_WITHOUT_ANSWER ? backoff : undefined;
	const mayRepeat = received.status === 429 || received.status === 503;
	if (!mayRepeat && received.body.code !== 'idempotency-in-progress') return undefined;
	const requested = Number(received.headers['retry-after'] ?? received.body.retry_after ?? backoff);
	return Number.isFinite(requested) ? Math.max(requested, 0.5) : backoff;
}

/** Return the query without members that are empty, which a tool sends for a field that was left blank. */
export function withoutEmpty(query: IDataObject): IDataObject {
	return Object.fromEntries(
		Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== ''),
	);
}

function parsed(body: unknown): IDataObject {
	if (typeof body !== 'string') return (body ?? {}) as IDataObject;
	try {
		return body === '' ? {} : (JSON.parse(body) as IDataObject);
	} catch {
		return { text: body };
	}
}

/** Read the pages of a list until its end or `most` records, and report each record that could not be read. */
export async function sendPaged(
	context: Context,
	call: Call,
	most: number,
	onUnreadable: (records: IDataObject[]) => void = () => undefined,
): Promise<IDataObject[]> {
	const records: IDataObject[] = [];
	let cursor: string | undefined;
	do {
		const limit = Math.min(250, most - records.length);
		const { body } = await send(context, { ...call, query: { ...call.query, limit, cursor } });
		records.push(...(body.data as IDataObject[]));
		onUnreadable((body.unreadable ?? []) as IDataObject[]);
		cursor = body.has_more === true ? (body.next_cursor as string) : undefined;
	} while (cursor !== undefined && records.length < most);
	return records.slice(0, most);
}

/** Return a path of segments, each escaped. */
export function pathOf(...segments: string[]): string {
	return `/v1/${segments.map(encodeURIComponent).join('/')}`;
}
