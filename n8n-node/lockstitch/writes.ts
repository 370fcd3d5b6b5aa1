import type { IDataObject, IExecuteFunctions, IHttpRequestMethods } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { correlationOf, keyOf } from './keys';
import { pathOf, send } from './requests';
import { outcomeOf, polled } from './waits';

/** A write that is not decided by then is queued and answered 202, also while its vendor is paused or down. */
const ANSWERED_WITHIN_S = 10;
const LOST = ['dropped', 'truncated'];

/** A write of the API, without its headers. `target` names the operation and the connection, for the key. */
export interface Write {
	method: IHttpRequestMethods;
	path: string;
	query?: IDataObject;
	body?: IDataObject;
	target: string;
}

interface Loss {
	path: string;
	kind: string;
	detail: string;
}

/** Send a write under its key, wait until it is decided unless the options say otherwise, and return what it answers. */
export async function write(context: IExecuteFunctions, item: number, wanted: Write): Promise<IDataObject> {
	const options = context.getNodeParameter('options', item, {}) as IDataObject;
	const answer = await send(context, {
		...wanted,
		query: { ...wanted.query, dry_run: options.dryRun === true ? 'true' : undefined },
		headers: {
			'Idempotency-Key': keyOf(context, item, wanted.target),
			'X-Correlation-ID': correlationOf(context, item),
			Prefer: options.undecided === 'async' ? 'respond-async' : `respond-async, wait=${ANSWERED_WITHIN_S}`,
			...(options.callbackUrl ? { 'Lockstitch-Callback': options.callbackUrl } : {}),
		},
		item,
		patience: options.patience as number | undefined,
	});
	let record = answer.body;
	if (answer.status === 202) {
		if ((options.undecided ?? 'wait') !== 'wait') return record;
		record = await outcomeOf(context, record.id as string, (options.waitLimit ?? 120) as number, item);
	}
	refuseLoss(context, item, record);
	return record;
}

/** Throw if the record reports a loss and the switch is on. */
export function refuseLoss(context: IExecuteFunctions, item: number, record: IDataObject): void {
	if (context.getNodeParameter('options.failOnLoss', item, false) !== true) return;
	const meta = (record.meta ?? {}) as IDataObject;
	const losses = ((record.loss ?? meta.loss ?? []) as unknown as Loss[]).filter((loss) => LOST.includes(loss.kind));
	if (losses.length === 0) return;
	throw new NodeOperationError(context.getNode(), `Something was lost: ${losses.map((loss) => loss.path).join(', ')}`, {
		itemIndex: item,
		description: [
			...losses.map((loss) => `${loss.path} was ${loss.kind}: ${loss.detail}`),
			'The rest has been written. Correct the fields, or set Loss to None to refuse such a write before it is sent.',
			`Record: ${String(record.id ?? '')}`,
		].join('\n'),
	});
}

/** Send the file of the item to a connection that takes exports, and wait until its rows are processed. */
export async function uploadCsv(context: IExecuteFunctions, item: number): Promise<IDataObject[]> {
	const connection = context.getNodeParameter('connection', item) as string;
	const options = context.getNodeParameter('options', item, {}) as IDataObject;
	const field = context.getNodeParameter('binaryField', item) as string;
	context.helpers.assertBinaryData(item, field);
	const { body: begun } = await send(context, {
		method: 'POST',
		path: pathOf('uploads', connection),
		csv: await context.helpers.getBinaryDataBuffer(item, field),
		headers: {
			'Idempotency-Key': keyOf(context, item, `upload@${connection}`),
			'X-Correlation-ID': correlationOf(context, item),
		},
		item,
		patience: options.patience as number | undefined,
	});
	const path = pathOf('uploads', connection, begun.id as string);
	const limit = (options.waitLimit ?? 120) as number;
	const upload = await polled(context, path, limit, item, (body) => body.state === 'done');
	const refused = upload.refused as number;
	if (upload.state !== 'done') {
		throw new NodeOperationError(context.getNode(), `The upload is not processed after ${limit} s`, {
			itemIndex: item,
			description: `All rows are recorded and go on: ${String(upload.waiting)} of ${String(upload.rows)} wait. Upload: ${String(upload.id)}`,
		});
	}
	if (refused > 0 && context.getNodeParameter('failOnRefused', item) === true) {
		throw new NodeOperationError(context.getNode(), `${refused} of ${String(upload.rows)} rows were refused`, {
			itemIndex: item,
			description: `Each is a dead letter that names its row and column. An operator corrects it. Upload: ${String(upload.id)}\nRun: ${String(upload.correlation_id)}`,
		});
	}
	return [upload];
}
