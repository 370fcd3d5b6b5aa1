import type { INodeProperties } from 'n8n-workflow';

import { readsShown, writesShown } from './shared';

const correlationId: INodeProperties = {
	displayName: 'Correlation ID',
	name: 'correlationId',
	type: 'string',
	default: '',
	description:
		'Connects this call with others in logs and runs. Empty: the workflow and its execution. Use the correlation_id of an event to go on with its run.',
};
const patience: INodeProperties = {
	displayName: 'Patience (Seconds)',
	name: 'patience',
	type: 'number',
	typeOptions: { minValue: 0 },
	default: 30,
	description: 'How long to wait in all when Lockstitch or the vendor is busy and says when to come back',
};
const failOnLoss: INodeProperties = {
	displayName: 'Fail If Something Was Lost',
	name: 'failOnLoss',
	type: 'boolean',
	default: false,
	description: 'Whether to fail if the answer reports a value that was dropped or cut. The record has been written by then; use Loss to refuse before.',
};

export const writeOptions: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: writesShown,
	options: [
		{
			displayName: 'Business Key',
			name: 'businessKey',
			type: 'string',
			default: '',
			placeholder: '={{ $json.event }}',
			description:
				'What this write is about, such as the ID of an order or an event. The write happens once for each key, node and connection, also after n8n\'s Retry, which starts a new execution. Without it, once for each execution.',
		},
		{
			displayName: 'Callback URL',
			name: 'callbackUrl',
			type: 'string',
			default: '',
			placeholder: '={{ $execution.resumeUrl }}',
			description: 'Lockstitch calls it with the outcome, such as the resume URL of a Wait node',
		},
		{
			displayName: 'Clear Fields',
			name: 'clear',
			type: 'string',
			default: '',
			placeholder: 'job_title, notes',
			description: 'Fields to empty in an update, separated by commas',
		},
		correlationId,
		{
			displayName: 'Dry Run',
			name: 'dryRun',
			type: 'boolean',
			default: false,
			description: 'Whether to judge the write only: the answer has a verdict for each field, and nothing is sent',
		},
		failOnLoss,
		{
			displayName: 'If Undecided',
			name: 'undecided',
			type: 'options',
			default: 'wait',
			options: [
				{ name: 'Do Not Wait at All', value: 'async', description: 'Queue the write and return its operation' },
				{ name: 'Return the Operation', value: 'return', description: 'Return it if the vendor has not decided in 10 s' },
				{ name: 'Wait for the Outcome', value: 'wait' },
			],
			description: 'What to do with a write that is recorded and not decided yet (202)',
		},
		{
			displayName: 'Loss',
			name: 'loss',
			type: 'options',
			default: 'descriptive',
			options: [
				{ name: 'Allow Any', value: 'any' },
				{ name: 'Allow None', value: 'none', description: 'Refuse what the vendor cannot store as it is' },
				{ name: 'Allow What Is Not Essential', value: 'descriptive' },
			],
			description: 'What the write may lose, judged before anything is sent',
		},
		{
			displayName: 'Missing People',
			name: 'missing',
			type: 'options',
			default: 'create',
			options: [
				{ name: 'Create', value: 'create' },
				{ name: 'Refuse', value: 'refuse' },
			],
			description: 'What happens with a buyer or requester whom the system needs and does not know',
		},
		{
			displayName: 'On Existing',
			name: 'onExisting',
			type: 'options',
			default: 'update',
			options: [
				{ name: 'Leave It', value: 'ignore' },
				{ name: 'Update It', value: 'update' },
			],
			description: 'What Create or Update does with a record that exists',
		},
		{
			displayName: 'On Missing',
			name: 'onMissing',
			type: 'options',
			default: 'create',
			options: [
				{ name: 'Create It', value: 'create' },
				{ name: 'Do Nothing', value: 'ignore' },
			],
			description: 'What Copy does if the other connection has no such record',
		},
		patience,
		{
			displayName: 'Wait Limit (Seconds)',
			name: 'waitLimit',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 120,
			description: 'How long to wait for the outcome of a write that is not decided yet',
		},
	],
};

export const readOptions: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: readsShown,
	options: [
		{
			displayName: 'Accept Age (Seconds)',
			name: 'max_age',
			type: 'number',
			default: 60,
			description: 'Get: answer from the last-seen state if it is at most so old, without asking the vendor',
		},
		{
			displayName: 'Accept Age If the Vendor Fails (Seconds)',
			name: 'stale_if_error',
			type: 'number',
			default: 86400,
			description: 'Get: answer from the last-seen state if the vendor is down',
		},
		correlationId,
		failOnLoss,
		{
			displayName: 'If Not Found',
			name: 'notFound',
			type: 'options',
			default: 'fail',
			options: [
				{ name: 'Fail', value: 'fail' },
				{ name: 'Return an Empty Item', value: 'empty' },
				{ name: 'Return Nothing', value: 'none' },
			],
			description: 'What Get and Look Up do if there is no such record',
		},
		{
			displayName: 'Include',
			name: 'include',
			type: 'options',
			default: 'references',
			options: [
				{ name: 'Names Behind References', value: 'references' },
				{ name: 'Owners of Fields', value: 'owners' },
				{ name: "The Vendor's Payload", value: 'raw' },
			],
			description: 'What else Get returns',
		},
		patience,
		{
			displayName: 'Time Limit (Seconds)',
			name: 'wait',
			type: 'number',
			typeOptions: { minValue: 0, maxValue: 30 },
			default: 5,
			description: 'How long Lockstitch waits for the vendor',
		},
	],
};

export const otherOptions: INodeProperties = {
	displayName: 'Options',
	name: 'options',
	type: 'collection',
	placeholder: 'Add Option',
	default: {},
	displayOptions: { show: { resource: ['operation', 'stock', 'upload'] } },
	options: [
		{
			displayName: 'Business Key',
			name: 'businessKey',
			type: 'string',
			default: '',
			placeholder: '={{ $json.fileName }}',
			description: 'Upload: what this export is, so that it is taken once, also after n8n\'s Retry',
		},
		correlationId,
		patience,
		{
			displayName: 'Wait Limit (Seconds)',
			name: 'waitLimit',
			type: 'number',
			typeOptions: { minValue: 1 },
			default: 120,
			description: 'How long to wait for the outcome',
		},
	],
};
