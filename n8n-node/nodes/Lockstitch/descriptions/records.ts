import type { INodeProperties } from 'n8n-workflow';

import { choice, collection, count, flag, loaded, operations, visible, text } from './parts';

export const RECORDS = ['customer', 'order', 'ticket'];
const BODIES = ['create', 'upsert', 'update'];
const EVERYWHERE = ['findEverywhere', 'orders', 'tickets'];
const WITH_ID = [
	...['get', 'update', 'copy', 'archive', 'cancel', 'tags', 'comment', 'comments'],
	...['orders', 'tickets'],
];
const forRecords = (...operation: string[]) => visible({ resource: RECORDS, operation });
const cancelled = visible({ resource: ['order'], operation: ['cancel'] });
const commented = visible({ resource: ['ticket'], operation: ['comment'] });

function recordOperations(one: string, many: string): Array<[string, string, string]> {
	return [
		['Copy to Another Connection', 'copy', `Copy ${one} to another connection and link the two`],
		['Create', 'create', `Create ${one}`],
		['Create or Update', 'upsert', `Create a new record, or update the current one if it already exists (upsert)`],
		['Find Everywhere', 'findEverywhere', `Find ${one} in all systems at once`],
		['Get', 'get', `Get ${one} by its ID`],
		['Get Many', 'getAll', `Get many ${many} of one connection`],
		['Look Up', 'lookup', `Look up exactly ${one.replace(/^an? /, 'one ')} by a key`],
		['Tag', 'tags', `Add and remove tags of ${one}`],
		['Update', 'update', `Update ${one}`],
	];
}

const which: INodeProperties[] = [
	loaded('Connection', 'connection', 'getConnections', 'The system to use.', {
		...visible({ resource: RECORDS }, { operation: EVERYWHERE }),
	}),
	text('Record ID', 'recordId', 'The canonical ID, or connection:vendor ID such as hubspot:734931000002', {
		required: true,
		...forRecords(...WITH_ID),
	}),
	choice(
		'Key',
		'key',
		'email',
		[
			['E-Mail', 'email'],
			['External ID', 'external_id'],
			['Number', 'number'],
		],
		{ description: 'What the record is found by', ...forRecords('lookup', 'findEverywhere') },
	),
	text('Value', 'value', 'The value of the key', { required: true, ...forRecords('lookup', 'findEverywhere') }),
	choice(
		'Match On',
		'upsertOn',
		'external_id',
		[
			['E-Mail (Customers)', 'email'],
			['External ID', 'external_id'],
		],
		{ description: 'The field that tells whether the record exists', ...forRecords('upsert') },
	),
];

const body: INodeProperties[] = [
	choice(
		'Specify Body',
		'source',
		'fields',
		[
			['Using Fields Below', 'fields'],
			['Using JSON', 'json'],
		],
		forRecords(...BODIES),
	),
	{
		displayName: 'Fields',
		name: 'fields',
		type: 'resourceMapper',
		noDataExpression: true,
		default: { mappingMode: 'defineBelow', value: null },
		typeOptions: {
			loadOptionsDependsOn: ['resource', 'operation', 'connection'],
			resourceMapper: {
				resourceMapperMethod: 'getMappingColumns',
				mode: 'add',
				fieldWords: { singular: 'field', plural: 'fields' },
				addAllFields: false,
				supportAutoMap: true,
			},
		},
		...visible({ resource: RECORDS, operation: BODIES, source: ['fields'] }),
	},
	text('JSON', 'json', 'The body as the contract has it. A record that was read may be sent as it is.', {
		type: 'json',
		default: '{}',
		...visible({ resource: RECORDS, operation: BODIES, source: ['json'] }),
	}),
];

const verbs: INodeProperties[] = [
	loaded('To Connection', 'target', 'getTargets', 'The system to copy to.', { required: true, ...forRecords('copy') }),
	choice(
		'Match On',
		'matchOn',
		'',
		[
			['E-Mail', 'email'],
			['External ID', 'external_id'],
			['Link Only', ''],
		],
		{ description: 'How a record that is not linked yet is found there', ...forRecords('copy') },
	),
	text('Add Tags', 'addTags', 'Tags to add, separated by commas', forRecords('tags')),
	text('Remove Tags', 'removeTags', 'Tags to remove, separated by commas', forRecords('tags')),
	choice(
		'Reason',
		'reason',
		'customer',
		[
			['Customer', 'customer'],
			['Fraud', 'fraud'],
			['Inventory', 'inventory'],
			['Other', 'other'],
			['Payment Declined', 'payment_declined'],
			['Staff', 'staff'],
		],
		cancelled,
	),
	collection(
		'Cancellation',
		'cancellation',
		[
			text('Note', 'note', 'Note for the staff'),
			flag('Notify', 'notify', 'let the vendor notify the buyer'),
			flag('Refund', 'refund', 'refund the payments to their original means of payment'),
			flag('Restock', 'restock', 'return the goods to stock'),
		],
		cancelled,
	),
	text('Text', 'text', 'The comment', { typeOptions: { rows: 4 }, required: true, ...commented }),
	choice(
		'Visibility',
		'visibility',
		'private',
		[
			['Internal Note', 'private'],
			['Public Reply', 'public'],
		],
		commented,
	),
];

const lists: INodeProperties[] = [
	flag('Return All', 'returnAll', 'return all results or only up to a given limit', {
		...visible({ operation: ['getAll', 'comments'] }),
	}),
	count('Limit', 'limit', 50, 'Max number of results to return', {
		typeOptions: { minValue: 1 },
		...visible({ operation: ['getAll', 'comments'], returnAll: [false] }),
	}),
	count('Newest Per System', 'newest', 10, 'How many records of each linked system to return', {
		typeOptions: { minValue: 1, maxValue: 50 },
		...visible({ resource: ['customer'], operation: ['orders', 'tickets'] }),
	}),
	collection(
		'Filters',
		'filters',
		[
			text('Changed Since', 'updated_since', 'Only records that changed since, oldest first', { type: 'dateTime' }),
			text('Customer (Orders)', 'customer', 'The ID or e-mail address of the buyer'),
			text('E-Mail', 'email', 'Only records with this address', { placeholder: 'name@email.com' }),
			text('External ID', 'external_id', "Only the record with this key, the caller's own"),
			text('Number', 'number', 'Only the record with this number'),
			text('Requester (Tickets)', 'requester', 'The ID or e-mail address of the requester'),
			choice('Sort', 'sort', '-updated_at', [
				['Newest Change First', '-updated_at'],
				['Newest First', '-created_at'],
				['Oldest Change First', 'updated_at'],
				['Oldest First', 'created_at'],
			]),
			text('Status', 'status', 'Only records with this status'),
		],
		{ description: 'A filter that the connection does not have is refused', ...forRecords('getAll') },
	),
];

export const recordFields: INodeProperties[] = [
	operations('customer', 'upsert', [
		['Archive', 'archive', 'Archive a customer'],
		...recordOperations('a customer', 'customers'),
		['Get Orders', 'orders', 'Get the orders of a customer in all linked systems'],
		['Get Tickets', 'tickets', 'Get the tickets of a customer in all linked systems'],
	]),
	operations('order', 'get', [['Cancel', 'cancel', 'Cancel an order'], ...recordOperations('an order', 'orders')]),
	operations('ticket', 'create', [
		['Comment', 'comment', 'Add a reply or an internal note to a ticket'],
		...recordOperations('a ticket', 'tickets'),
		['Get Comments', 'comments', 'Get the comments of a ticket'],
	]),
	...which,
	...body,
	...verbs,
	...lists,
];
