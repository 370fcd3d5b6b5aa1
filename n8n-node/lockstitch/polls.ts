import type { IDataObject, IPollFunctions } from 'n8n-workflow';

import { pathOf, send } from './requests';

const PAGE = 250;
const MOST_PAGES = 20;
const OVERLAP_MS = 120_000;
const SHOWN_IN_EDITOR = 5;

interface Position extends IDataObject {
	/** Where the node began, as the server's time. */
	since?: string;
	/** The last event that it put out. */
	after?: string;
	/** The records within the overlap that it put out: id and time of change. */
	recent?: string[];
}

/** Return the events since the last poll, oldest first; none at the first poll, which only marks the place. */
export async function newEvents(context: IPollFunctions): Promise<IDataObject[]> {
	const query = {
		type: (context.getNodeParameter('events', []) as string[]).join(','),
		connection: context.getNodeParameter('connection', '') as string,
	};
	if (context.getMode() === 'manual') return await exampleEvents(context, query);
	const position = context.getWorkflowStaticData('node') as Position;
	if (position.since === undefined) {
		position.since = await serverTime(context);
		return [];
	}
	const events: IDataObject[] = [];
	for (let page = 0; page < MOST_PAGES; page++) {
		const from = position.after === undefined ? { since: position.since } : { after: position.after };
		const { body } = await send(context, { path: pathOf('events'), query: { ...query, ...from, limit: PAGE } });
		events.push(...(body.data as IDataObject[]));
		position.after = (body.next_cursor as string | null) ?? position.after;
		if (body.has_more !== true) break;
	}
	return events;
}

/**
 * Return the records that changed since the last poll, oldest change first.
 *
 * Searches of vendors lag, so two polls overlap; a record comes again only if it changed again.
 */
export async function changedRecords(context: IPollFunctions): Promise<IDataObject[]> {
	const path = pathOf(context.getNodeParameter('object') as string);
	const connection = context.getNodeParameter('connection', '') as string;
	if (context.getMode() === 'manual') {
		const { body } = await send(context, { path, query: { connection, limit: SHOWN_IN_EDITOR } });
		return body.data as IDataObject[];
	}
	const position = context.getWorkflowStaticData('node') as Position;
	const now = await serverTime(context);
	const since = position.since ?? now;
	const start = new Date(Date.parse(since) - OVERLAP_MS).toISOString();
	const listed: IDataObject[] = [];
	let cursor: unknown;
	do {
		const query = { connection, updated_since: start, limit: PAGE, cursor } as IDataObject;
		const { body } = await send(context, { path, query });
		listed.push(...(body.data as IDataObject[]));
		cursor = body.has_more === true ? body.next_cursor : undefined;
	} while (cursor !== undefined);
	const known = new Set(position.recent ?? []);
	const isFirst = position.since === undefined;
	const border = Date.parse(now) - OVERLAP_MS;
	position.since = now;
	position.recent = [...listed.filter((record) => changedAt(record) >= border - OVERLAP_MS).map(versionOf)];
	return isFirst ? [] : listed.filter((record) => !known.has(versionOf(record)));
}

async function exampleEvents(context: IPollFunctions, query: IDataObject): Promise<IDataObject[]> {
	const since = new Date(Date.now() - 86_400_000).toISOString();
	const { body } = await send(context, { path: pathOf('events'), query: { ...query, since, limit: SHOWN_IN_EDITOR } });
	const events = body.data as IDataObject[];
	if (events.length > 0) return events;
	const type = String(query.type).split(',')[0] || 'customer.updated';
	const sample = await send(context, { path: pathOf('samples', type.replace(/\*$/, 'updated')) });
	return [sample.body];
}

/** The clock of n8n may be wrong, so positions are in the server's time. */
async function serverTime(context: IPollFunctions): Promise<string> {
	const { headers } = await send(context, { path: '/v1/me' });
	const time = Date.parse(String(headers.date ?? ''));
	return new Date(Number.isNaN(time) ? Date.now() : time).toISOString();
}

function changedAt(record: IDataObject): number {
	const meta = record.meta as IDataObject;
	return Date.parse(String(meta.remote_updated_at ?? meta.remote_created_at ?? '')) || Date.now();
}

function versionOf(record: IDataObject): string {
	const meta = record.meta as IDataObject;
	return `${String(meta.remote_id)}@${String(meta.remote_updated_at ?? '')}`;
}
