import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';

import { correlationOf } from './keys';
import type { Call } from './requests';
import { pathOf, send, sendPaged } from './requests';
import { refuseLoss } from './writes';

/** Read one record, and do with a missing one what the options say. */
export async function readOne(
	context: IExecuteFunctions,
	item: number,
	path: string,
	query: IDataObject,
): Promise<IDataObject[]> {
	const ifMissing = context.getNodeParameter('options.notFound', item, 'fail');
	const accepts = ifMissing === 'fail' ? [] : [404];
	const { status, body } = await send(context, { ...callOf(context, item, path, query), accepts });
	if (status === 404) return ifMissing === 'empty' ? [{}] : [];
	refuseLoss(context, item, body);
	return [body];
}

/** Read an answer that is no single record as it is. */
export async function readAnswer(
	context: IExecuteFunctions,
	item: number,
	path: string,
	query: IDataObject = {},
): Promise<IDataObject> {
	return (await send(context, callOf(context, item, path, query))).body;
}

/** Read a list to its limit, and hint at the records that could not be read. */
export async function readList(
	context: IExecuteFunctions,
	item: number,
	path: string,
	query: IDataObject,
): Promise<IDataObject[]> {
	const all = context.getNodeParameter('returnAll', item, false) === true;
	const most = all ? Number.POSITIVE_INFINITY : (context.getNodeParameter('limit', item, 50) as number);
	return await sendPaged(context, callOf(context, item, path, query), most, (unreadable) => {
		for (const record of unreadable) {
			context.addExecutionHints?.({
				message: `${String(record.remote_id)} could not be read: ${String(record.detail)} (${String(record.pointer)})`,
				location: 'outputPane',
			});
		}
	});
}

/** Return the stock of a product, or of all, at each location. */
export async function listStock(context: IExecuteFunctions, item: number): Promise<IDataObject[]> {
	const query = {
		sku: context.getNodeParameter('sku', item),
		connection: context.getNodeParameter('connection', item),
		low: context.getNodeParameter('onlyLow', item, false) === true ? 'true' : undefined,
	} as IDataObject;
	return await sendPaged(context, callOf(context, item, pathOf('stock_levels'), query), Number.POSITIVE_INFINITY);
}

function callOf(context: IExecuteFunctions, item: number, path: string, query: IDataObject): Call {
	const options = context.getNodeParameter('options', item, {}) as IDataObject;
	const { max_age, stale_if_error, include, wait, patience } = options;
	const isOne = context.getNodeParameter('operation', item) === 'get';
	return {
		path,
		query: isOne ? { ...query, max_age, stale_if_error, include } : query,
		headers: {
			'X-Correlation-ID': correlationOf(context, item),
			...(wait === undefined ? {} : { Prefer: `wait=${String(wait)}` }),
		},
		item,
		patience: patience as number | undefined,
	};
}
