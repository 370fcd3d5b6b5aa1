import { createHash } from 'node:crypto';

import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

const LONGEST_KEY = 255;
const LONGEST_RUN = 128;

/**
 * Return the correlation id: one for all calls of one execution.
 *
 * Execution ids begin at 1 again in a new database, so the time at which the execution began is part of it.
 */
export function correlationOf(context: IExecuteFunctions, item: number): string {
	const chosen = (context.getNodeParameter('options.correlationId', item, '') as string).trim();
	if (chosen !== '') return fitting(chosen.replace(/[^A-Za-z0-9._:/+=@-]/g, '-'), LONGEST_RUN);
	return fitting(`${workflowOf(context)}-${executionOf(context)}`, LONGEST_RUN);
}

/**
 * Return the Idempotency-Key of a write.
 *
 * `target` names the operation and the connection. Without a business key, the key is that of this item in this run of
 * this node in this execution, so *Retry On Fail* and a loop are safe. n8n's *Retry* button starts a new execution: only
 * a business key survives it.
 */
export function keyOf(context: IExecuteFunctions, item: number, target: string): string {
	const business = businessKeyOf(context, item);
	if (business === undefined) return attemptOf(context, item, target);
	return joined([workflowOf(context), context.getNode().id, target, business]);
}

/** Return the key of this item in this run of this node in this execution. */
export function attemptOf(context: IExecuteFunctions, item: number, target: string): string {
	const runIndex = context.getWorkflowDataProxy(item).$runIndex as number;
	const place = [executionOf(context), context.getNode().id, String(runIndex), String(item)];
	return joined([context.getInstanceId().slice(0, 16), workflowOf(context), ...place, target]);
}

function joined(parts: string[]): string {
	return fitting(parts.map((part) => encodeURIComponent(part)).join('.'), LONGEST_KEY);
}

function workflowOf(context: IExecuteFunctions): string {
	return context.getWorkflow().id ?? 'unsaved';
}

function businessKeyOf(context: IExecuteFunctions, item: number): string | undefined {
	const options = context.getNodeParameter('options', item, {}) as IDataObject;
	if (!('businessKey' in options)) return undefined;
	const key = String(options.businessKey ?? '').trim();
	if (key !== '') return key;
	throw new NodeOperationError(context.getNode(), 'The business key is empty', {
		itemIndex: item,
		description: 'Its expression gives nothing for this item. Name a field that every item has, or remove the option.',
	});
}

function executionOf(context: IExecuteFunctions): string {
	const began = context.getExecutionContext?.()?.establishedAt;
	return [context.getExecutionId(), ...(began === undefined ? [] : [began])].join('-');
}

function fitting(text: string, longest: number): string {
	if (text.length <= longest) return text;
	const digest = createHash('sha256').update(text).digest('hex');
	return `${text.slice(0, longest - digest.length - 1)}.${digest}`;
}
