import type { INodeProperties } from 'n8n-workflow';

import { choice, flag, loaded, operations, visible, text } from './parts';

const stock = visible({ resource: ['stock'] });
const upload = visible({ resource: ['upload'] });
const claim = visible({ resource: ['claim'], operation: ['take', 'keep'] });
const note = visible({ resource: ['run'] });

export const otherFields: INodeProperties[] = [
	operations('claim', 'take', [
		['Keep', 'keep', 'Keep a claim for longer because the work is done'],
		['Take', 'take', 'Take a claim, so that only one run does something'],
		['Release', 'release', 'Release a claim because the work failed'],
	]),
	operations('operation', 'wait', [
		['Get', 'get', 'Get an operation'],
		['Get Many', 'getAll', 'Get many operations'],
		['Wait', 'wait', 'Wait until an operation is decided and return its record'],
	]),
	operations('run', 'note', [['Add Note', 'note', 'Add a note to this run, such as where a ticket was routed']]),
	operations('stock', 'list', [['List', 'list', 'List what is available of a product at each location']]),
	operations('upload', 'csv', [['CSV', 'csv', 'Upload a CSV export and wait until its rows are processed']]),
	text('Name', 'claimName', 'What only one run may do. It counts for all keys and workflows.', {
		required: true,
		placeholder: 'order-4711-refund-mail',
		...claim,
	}),
	text('Key of the Claim', 'claimKey', 'What Take put out as key', {
		required: true,
		placeholder: "{{ $('Take').item.json.key }}",
		...visible({ resource: ['claim'], operation: ['keep'] }),
	}),
	{ displayName: 'Ends After (Seconds)', name: 'ttl', type: 'number', default: 86400, ...claim },
	text('Claim ID', 'claimId', 'The claim to release', {
		required: true,
		...visible({ resource: ['claim'], operation: ['release'] }),
	}),
	text('Operation ID', 'operationId', 'The operation, as a write returned it', {
		default: '={{ $json.id }}',
		required: true,
		...visible({ resource: ['operation'], operation: ['get', 'wait'] }),
	}),
	choice(
		'State',
		'state',
		'',
		[
			['Any', ''],
			['Executing', 'executing'],
			['Failed', 'failed'],
			['Queued', 'queued'],
			['Succeeded', 'succeeded'],
			['Unknown', 'unknown'],
		],
		visible({ resource: ['operation'], operation: ['getAll'] }),
	),
	text('Note', 'note', 'What was decided and why. Write no names and no addresses.', { required: true, ...note }),
	text('SKU', 'sku', 'The product. Empty lists all.', stock),
	loaded('Connection', 'connection', 'getAllConnections', 'The system to ask.', stock),
	flag('Only Low', 'onlyLow', 'list only items at or below their threshold', stock),
	loaded('Connection', 'connection', 'getUploadConnections', 'The connection of the export.', {
		required: true,
		...upload,
	}),
	text('Input Binary Field', 'binaryField', 'The field of the item that holds the file', {
		default: 'data',
		required: true,
		...upload,
	}),
	flag('Fail If a Row Is Refused', 'failOnRefused', 'fail if rows became dead letters; the others are processed', {
		default: true,
		...upload,
	}),
];
