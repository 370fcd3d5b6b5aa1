import type { IDataObject, INode, JsonObject } from 'n8n-workflow';
import { NodeApiError, NodeOperationError } from 'n8n-workflow';

import type { Answer } from './requests';

/** Lockstitch's account of what went wrong (RFC 9457). */
export interface Problem extends IDataObject {
	code: string;
	title: string;
	status: number;
	detail: string;
	next_step: string;
	correlation_id?: string;
	operation_id?: string;
	errors?: Array<{ pointer?: string; parameter?: string; detail: string }>;
}

/** Return the problem that an answer with an error status is, or stands for if it is no problem document. */
export function problemOf(answer: Answer): Problem {
	if (typeof answer.body.code === 'string' && typeof answer.body.detail === 'string') return answer.body as Problem;
	return {
		code: 'not-lockstitch',
		title: `HTTP ${answer.status} from something in front of Lockstitch`,
		status: answer.status,
		detail: String(answer.body.text ?? JSON.stringify(answer.body)).slice(0, 300),
		next_step: 'Check the Base URL of the credential, and the proxy between n8n and Lockstitch.',
	};
}

/** Return an error that says what happened first, then what to do, then where to look. */
export function problemError(node: INode, problem: Problem, itemIndex?: number): NodeApiError {
	const places = (problem.errors ?? []).map((one) => `${one.pointer ?? one.parameter ?? ''}: ${one.detail}`);
	const lines = [
		problem.next_step,
		...places.filter((place) => !problem.detail.includes(place)),
		...(problem.operation_id ? [`Operation: ${problem.operation_id}`] : []),
		...(problem.correlation_id ? [`Run: ${problem.correlation_id}`] : []),
		`Code: ${problem.code}`,
	];
	return withProblem(
		new NodeApiError(node, problem as unknown as JsonObject, {
			message: leadOf(problem),
			description: lines.join('\n'),
			httpCode: String(problem.status),
			itemIndex,
		}),
		problem,
	);
}

function leadOf(problem: Problem): string {
	if (problem.detail.startsWith(problem.title)) return problem.detail;
	return `${problem.title}: ${problem.detail}`;
}

function withProblem(error: NodeApiError, problem: Problem): NodeApiError {
	error.context.problem = problem;
	return error;
}

/** Return the error for a call that nothing answered. */
export function unreachable(node: INode, base: string, cause: Error, itemIndex?: number): NodeOperationError {
	return new NodeOperationError(node, `Lockstitch did not answer at ${base}`, {
		description:
			'Check that Lockstitch runs and that the Base URL of the credential can be reached from n8n. A write that was' +
			` sent has its key: run this again, and it has one effect.\nCause: ${cause.message}`,
		itemIndex,
	});
}

/** Return the error as one that n8n shows with its node and item. */
export function nodeError(node: INode, error: unknown, itemIndex: number): NodeApiError | NodeOperationError {
	if (error instanceof NodeApiError || error instanceof NodeOperationError) return error;
	return new NodeOperationError(node, error as Error, { itemIndex });
}

/**
 * Return what a failed item puts out if the workflow goes on: our words, and the problem to branch on.
 *
 * n8n sends an item to the error output if it has these members and no others.
 */
export function failedItem(error: NodeApiError | NodeOperationError): IDataObject {
	const problem = error.context.problem as Problem | undefined;
	return { error: error.message, details: problem ?? { detail: error.message, next_step: error.description ?? '' } };
}
