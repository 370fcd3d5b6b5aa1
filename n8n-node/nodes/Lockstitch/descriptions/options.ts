import type { INodeProperties } from 'n8n-workflow';

import { choice, collection, count, flag, visible, text } from './parts';
import { RECORDS } from './records';

const WRITES = ['create', 'upsert', 'update', 'copy', 'archive', 'cancel', 'tags', 'comment'];
const READS = ['get', 'lookup', 'getAll', 'comments', 'findEverywhere', 'orders', 'tickets'];
const KEY =
	"The write happens once for each key, node and connection, also after n8n's Retry, which starts a new execution. Without it, once for each execution.";

const correlationId = text(
	'Correlation ID',
	'correlationId',
	'Connects this call with others in logs and runs. Empty: the workflow and its execution. Use the correlation_id of an event to go on with its run.',
);
const patience = count(
	'Patience (Seconds)',
	'patience',
	30,
	'How long to wait in all when Lockstitch or the vendor is busy and says when to come back',
);
const failOnLoss = flag(
	'Fail If Something Was Lost',
	'failOnLoss',
	'fail if the answer reports a value that was dropped or cut. The record has been written by then; use Loss to refuse before.',
);
const waitLimit = count('Wait Limit (Seconds)', 'waitLimit', 120, 'How long to wait for the outcome', {
	typeOptions: { minValue: 1 },
});
const businessKey = (about: string) => text('Business Key', 'businessKey', `${about} ${KEY}`);

const writeOptions: INodeProperties[] = [
	businessKey('What this write is about, such as the ID of an order or an event.'),
	text('Callback URL', 'callbackUrl', 'Lockstitch calls it with the outcome, such as the resume URL of a Wait node'),
	text('Clear Fields', 'clear', 'Fields to empty in an update, separated by commas'),
	correlationId,
	flag('Dry Run', 'dryRun', 'judge the write only: the answer has a verdict for each field, and nothing is sent'),
	failOnLoss,
	choice(
		'If Undecided',
		'undecided',
		'wait',
		[
			['Do Not Wait at All', 'async', 'Queue the write and return its operation'],
			['Return the Operation', 'return', 'Return it if the write is not decided in 10 s'],
			['Wait for the Outcome', 'wait'],
		],
		{ description: 'What to do with a write that is recorded and not decided yet (202)' },
	),
	choice(
		'Loss',
		'loss',
		'descriptive',
		[
			['Allow Any', 'any'],
			['Allow None', 'none', 'Refuse what the vendor cannot store as it is'],
			['Allow What Is Not Essential', 'descriptive'],
		],
		{ description: 'What the write may lose, judged before anything is sent' },
	),
	choice(
		'Missing People',
		'missing',
		'create',
		[
			['Create', 'create'],
			['Refuse', 'refuse'],
		],
		{ description: 'What happens with a buyer or requester whom the system needs and does not know' },
	),
	choice(
		'On Existing',
		'onExisting',
		'update',
		[
			['Leave It', 'ignore'],
			['Update It', 'update'],
		],
		{ description: 'What Create or Update does with a record that exists' },
	),
	choice(
		'On Missing',
		'onMissing',
		'create',
		[
			['Create It', 'create'],
			['Do Nothing', 'ignore'],
		],
		{ description: 'What Copy does if the other connection has no such record' },
	),
	patience,
	waitLimit,
];

const readOptions: INodeProperties[] = [
	count('Accept Age (Seconds)', 'max_age', 60, 'Get: answer from the last-seen state if it is at most so old'),
	count(
		'Accept Age If the Vendor Fails (Seconds)',
		'stale_if_error',
		86400,
		'Get: answer from the last-seen state if the vendor is down',
	),
	correlationId,
	failOnLoss,
	choice(
		'If Not Found',
		'notFound',
		'fail',
		[
			['Fail', 'fail'],
			['Return an Empty Item', 'empty'],
			['Return Nothing', 'none'],
		],
		{ description: 'What Get and Look Up do if there is no such record' },
	),
	choice('Include', 'include', 'references', [
		['Names Behind References', 'references'],
		['Owners of Fields', 'owners'],
		["The Vendor's Payload", 'raw'],
	]),
	patience,
	count('Time Limit (Seconds)', 'wait', 5, 'How long Lockstitch waits for the vendor', {
		typeOptions: { minValue: 0, maxValue: 30 },
	}),
];

const otherOptions: INodeProperties[] = [
	businessKey('Upload: what this export is, such as its name and date.'),
	correlationId,
	patience,
	waitLimit,
];

export const optionFields: INodeProperties[] = [
	collection('Options', 'options', writeOptions, visible({ resource: RECORDS, operation: WRITES })),
	collection('Options', 'options', readOptions, visible({ resource: RECORDS, operation: READS })),
	collection(
		'Options',
		'options',
		otherOptions,
		visible({ resource: ['claim', 'operation', 'run', 'stock', 'upload'] }),
	),
];
