import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { bodyOf, listOf } from './fields';
import { attemptOf, correlationOf } from './keys';
import { listStock, readAnswer, readList, readOne } from './reads';
import { pathOf, send, withoutEmpty } from './requests';
import { outcomeOf } from './waits';
import type { Write } from './writes';
import { uploadCsv, write } from './writes';

/** What an operation does for one item: the records that it puts out. */
type Action = (context: IExecuteFunctions, item: number) => Promise<IDataObject[]>;

/** Do what the node is set to, for one item. */
export async function perform(context: IExecuteFunctions, item: number): Promise<IDataObject[]> {
	const resource = context.getNodeParameter('resource', item) as string;
	const operation = context.getNodeParameter('operation', item) as string;
	const action = OTHER_ACTIONS[`${resource}.${operation}`] ?? RECORD_ACTIONS[operation];
	return await action(context, item);
}

const RECORD_ACTIONS: Record<string, Action> = {
	get: async (context, item) => await readOne(context, item, recordPath(context, item), connectionOf(context, item)),

	lookup: async (context, item) =>
		await readOne(context, item, pathOf(plural(context, item), 'lookup'), {
			[text(context, 'key', item)]: text(context, 'value', item),
			...connectionOf(context, item),
		}),

	findEverywhere: async (context, item) => [
		await readAnswer(context, item, pathOf(plural(context, item), 'lookup'), {
			[text(context, 'key', item)]: text(context, 'value', item),
			connections: 'all',
		}),
	],

	getAll: async (context, item) =>
		await readList(context, item, pathOf(plural(context, item)), {
			...filtersOf(context, item),
			...connectionOf(context, item),
		}),

	comments: async (context, item) =>
		await readList(context, item, recordPath(context, item, 'comments'), connectionOf(context, item)),

	orders: async (context, item) => [
		await readAnswer(context, item, recordPath(context, item, 'orders'), newestOf(context, item)),
	],

	tickets: async (context, item) => [
		await readAnswer(context, item, recordPath(context, item, 'tickets'), newestOf(context, item)),
	],

	create: async (context, item) =>
		await written(context, item, {
			method: 'POST',
			path: pathOf(plural(context, item)),
			query: { ...lossOf(context, item), ...missingOf(context, item) },
			body: bodyOf(context, item),
		}),

	upsert: async (context, item) =>
		await written(context, item, {
			method: 'POST',
			path: pathOf(plural(context, item)),
			query: {
				upsert_on: text(context, 'upsertOn', item),
				on_existing: option(context, 'onExisting', item),
				...lossOf(context, item),
				...missingOf(context, item),
			},
			body: bodyOf(context, item),
		}),

	update: async (context, item) =>
		await written(context, item, {
			method: 'PATCH',
			path: recordPath(context, item),
			query: lossOf(context, item),
			body: bodyOf(context, item),
		}),

	copy: async (context, item) => {
		const target = text(context, 'target', item);
		return await written(
			context,
			item,
			{
				method: 'POST',
				path: recordPath(context, item, 'copies'),
				query: { ...lossOf(context, item), ...missingOf(context, item) },
				body: withoutEmpty({
					connection: target,
					match_on: text(context, 'matchOn', item),
					on_missing: option(context, 'onMissing', item),
				}),
			},
			target,
		);
	},

	tags: async (context, item) =>
		await written(context, item, {
			method: 'POST',
			path: recordPath(context, item, 'tags'),
			body: { add: listOf(text(context, 'addTags', item)), remove: listOf(text(context, 'removeTags', item)) },
		}),

	archive: async (context, item) => await written(context, item, { method: 'DELETE', path: recordPath(context, item) }),

	cancel: async (context, item) =>
		await written(context, item, {
			method: 'POST',
			path: recordPath(context, item, 'cancel'),
			query: lossOf(context, item),
			body: withoutEmpty({
				reason: text(context, 'reason', item),
				...(context.getNodeParameter('cancellation', item, {}) as IDataObject),
			}),
		}),

	comment: async (context, item) =>
		await written(context, item, {
			method: 'POST',
			path: recordPath(context, item, 'comments'),
			query: lossOf(context, item),
			body: { body_text: text(context, 'text', item), visibility: text(context, 'visibility', item) },
		}),
};

const OTHER_ACTIONS: Record<string, Action> = {
	'operation.get': async (context, item) => [
		await readAnswer(context, item, pathOf('operations', text(context, 'operationId', item))),
	],

	'operation.getAll': async (context, item) =>
		await readList(context, item, pathOf('operations'), { state: text(context, 'state', item) }),

	'operation.wait': async (context, item) => {
		const limit = context.getNodeParameter('options.waitLimit', item, 120) as number;
		return [await outcomeOf(context, text(context, 'operationId', item), limit, item)];
	},

	'claim.take': async (context, item) => [await takeClaim(context, item, attemptOf(context, item, 'claim'))],

	'claim.keep': async (context, item) => [await takeClaim(context, item, text(context, 'claimKey', item))],

	'claim.release': async (context, item) => {
		const path = pathOf('claims', text(context, 'claimId', item));
		await send(context, { method: 'DELETE', path, headers: headersOf(context, item), item });
		return [{ released: true }];
	},

	'run.note': async (context, item) => {
		const run = correlationOf(context, item);
		const path = pathOf('runs', run.replaceAll('/', '%2F'), 'notes');
		const body = { text: text(context, 'note', item) };
		return [(await send(context, { method: 'POST', path, body, headers: headersOf(context, item), item })).body];
	},

	'stock.list': listStock,

	'upload.csv': uploadCsv,
};

/** A claim that another run has is no error: the item says so, for an If node. The same key renews its claim. */
async function takeClaim(context: IExecuteFunctions, item: number, key: string): Promise<IDataObject> {
	const { status, body } = await send(context, {
		method: 'POST',
		path: pathOf('claims'),
		body: { name: text(context, 'claimName', item), ttl: context.getNodeParameter('ttl', item) as number },
		headers: { ...headersOf(context, item), 'Idempotency-Key': key },
		accepts: [409],
		item,
	});
	return status === 409 ? { claimed: false, detail: body.detail } : { claimed: true, ...body, key };
}

function headersOf(context: IExecuteFunctions, item: number): IDataObject {
	return { 'X-Correlation-ID': correlationOf(context, item) };
}

/** Send a write of the record's connection, and put out its answer. */
async function written(
	context: IExecuteFunctions,
	item: number,
	wanted: Omit<Write, 'target'>,
	to = '',
): Promise<IDataObject[]> {
	const operation = `${text(context, 'resource', item)}-${text(context, 'operation', item)}`;
	const connection = connectionOf(context, item);
	const target = `${operation}@${to || connection.connection || 'owner'}`;
	return [await write(context, item, { ...wanted, query: { ...wanted.query, ...connection }, target })];
}

function plural(context: IExecuteFunctions, item: number): string {
	return `${text(context, 'resource', item)}s`;
}

function recordPath(context: IExecuteFunctions, item: number, ...rest: string[]): string {
	return pathOf(plural(context, item), text(context, 'recordId', item), ...rest);
}

function connectionOf(context: IExecuteFunctions, item: number): { connection?: string } {
	const connection = context.getNodeParameter('connection', item, '') as string;
	return connection === '' ? {} : { connection };
}

function filtersOf(context: IExecuteFunctions, item: number): IDataObject {
	const filters = context.getNodeParameter('filters', item, {}) as IDataObject;
	if (!filters.updated_since) return filters;
	return { ...filters, updated_since: new Date(filters.updated_since as string).toISOString() };
}

function newestOf(context: IExecuteFunctions, item: number): IDataObject {
	return { limit: context.getNodeParameter('newest', item, 10) as number };
}

function lossOf(context: IExecuteFunctions, item: number): IDataObject {
	return { loss: option(context, 'loss', item) };
}

function missingOf(context: IExecuteFunctions, item: number): IDataObject {
	return text(context, 'resource', item) === 'customer' ? {} : { missing: option(context, 'missing', item) };
}

function option(context: IExecuteFunctions, name: string, item: number): string | undefined {
	const options = context.getNodeParameter('options', item, {}) as IDataObject;
	return options[name] as string | undefined;
}

function text(context: IExecuteFunctions, name: string, item: number): string {
	return String(context.getNodeParameter(name, item) ?? '').trim();
}
