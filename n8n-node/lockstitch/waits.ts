import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError, sleep } from 'n8n-workflow';

import type { Problem } from './errors';
import { problemError } from './errors';
import { pathOf, send } from './requests';

const LONGEST_PAUSE_S = 5;

/**
 * Wait until an operation is decided, and return the record that it wrote.
 *
 * Throws Lockstitch's problem if it failed or its outcome is unknown, and an error that names the operation if it is
 * undecided after `limit` seconds.
 */
export async function outcomeOf(
	context: IExecuteFunctions,
	id: string,
	limit: number,
	item: number,
): Promise<IDataObject> {
	const operation = await polled(context, pathOf('operations', id), limit, item, (body) =>
		['succeeded', 'failed', 'unknown'].includes(body.state as string),
	);
	if (operation.state === 'succeeded') return (operation.result ?? operation) as IDataObject;
	if (operation.problem !== undefined) {
		const problem = operation.problem as Problem;
		throw problemError(context.getNode(), { ...problem, operation_id: problem.operation_id ?? id }, item);
	}
	const waiting = operation.waiting_for as { detail: string } | undefined;
	throw new NodeOperationError(context.getNode(), `The write is not decided after ${limit} s`, {
		itemIndex: item,
		description:
			`${waiting?.detail ?? 'A worker is at it.'} It is recorded and will be carried out: do not send it under another` +
			` key. Wait longer with Operation: Wait, or run this again with the same key.\nOperation: ${id}` +
			`\nRun: ${String(operation.correlation_id ?? '')}`,
	});
}

/** Read `path` until `isDone`, or for `limit` seconds; return the body that was read last. */
export async function polled(
	context: IExecuteFunctions,
	path: string,
	limit: number,
	item: number,
	isDone: (body: IDataObject) => boolean,
): Promise<IDataObject> {
	const giveUp = Date.now() + limit * 1000;
	for (let pause = 0.5; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_S)) {
		const { body } = await send(context, { path, item });
		const left = (giveUp - Date.now()) / 1000;
		if (isDone(body) || left <= 0 || context.getExecutionCancelSignal()?.aborted) return body;
		await sleep(Math.min(pause, left) * 1000);
	}
}
