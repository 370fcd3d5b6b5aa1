import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

export const RECORDS = ['customer', 'order', 'ticket'];
const WRITES = ['create', 'upsert', 'update', 'copy', 'archive', 'cancel', 'tags', 'comment'];
const WITH_ID = ['get', 'update', 'copy', 'archive', 'cancel', 'tags', 'comment', 'comments', 'orders', 'tickets'];
const EVERYWHERE = ['findEverywhere', 'orders', 'tickets'];

/** Return the operations that all records have, with further ones, by name. */
export function operationsOf(one: string, many: string, further: INodePropertyOptions[]): INodePropertyOptions[] {
	const all: INodePropertyOptions[] = [
		...further,
		{
			name: 'Copy to Another Connection',
			value: 'copy',
			action: `Copy ${one} to another connection`,
			description: 'Write it there and link the two: later copies send only what has changed',
		},
		{ name: 'Create', value: 'create', action: `Create ${one}`, description: 'Create a record' },
		{
			name: 'Create or Update',
			value: 'upsert',
			action: `Create or update ${one}`,
			description: 'Create a new record, or update the current one if it already exists (upsert)',
		},
		{
			name: 'Find Everywhere',
			value: 'findEverywhere',
			action: `Find ${one} in all systems`,
			description: 'Look it up at all connections at once; the answer names those that did not answer',
		},
		{ name: 'Get', value: 'get', action: `Get ${one}`, description: 'Read a record by its ID' },
		{ name: 'Get Many', value: 'getAll', action: `Get many ${many}`, description: 'List records of one connection' },
		{
			name: 'Look Up',
			value: 'lookup',
			action: `Look up ${one}`,
			description: 'Read exactly one record by its e-mail address, number or external ID',
		},
		{
			name: 'Tag',
			value: 'tags',
			action: `Add and remove tags of ${one}`,
			description: 'Add and remove tags; the other tags stay',
		},
		{ name: 'Update', value: 'update', action: `Update ${one}`, description: 'Change fields of a record' },
	];
	return all.sort((a, b) => a.name.localeCompare(b.name));
}

/** The fields that the operations of records share. */
export const recordFields: INodeProperties[] = [
	{
		displayName: 'Connection Name or ID',
		name: 'connection',
		type: 'options',
		typeOptions: { loadOptionsMethod: 'getConnections' },
		default: '',
		description:
			'The system to use. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
		displayOptions: { show: { resource: RECORDS }, hide: { operation: EVERYWHERE } },
	},
	{
		displayName: 'Record ID',
		name: 'recordId',
		type: 'string',
		default: '',
		required: true,
		placeholder: 'cus_0198f0a2b7c47d3c9a51f2e80b6c4d17',
		description: 'The canonical ID, or connection:vendor ID such as hubspot:734931000002',
		displayOptions: { show: { resource: RECORDS, operation: WITH_ID } },
	},
	{
		displayName: 'Key',
		name: 'key',
		type: 'options',
		default: 'email',
		options: [
			{ name: 'E-Mail', value: 'email' },
			{ name: 'External ID', value: 'external_id' },
			{ name: 'Number', value: 'number' },
		],
		description: 'What the record is found by',
		displayOptions: { show: { resource: RECORDS, operation: ['lookup', 'findEverywhere'] } },
	},
	{
		displayName: 'Value',
		name: 'value',
		type: 'string',
		default: '',
		required: true,
		description: 'The value of the key',
		displayOptions: { show: { resource: RECORDS, operation: ['lookup', 'findEverywhere'] } },
	},
	{
		displayName: 'Match On',
		name: 'upsertOn',
		type: 'options',
		default: 'external_id',
		options: [
			{ name: 'E-Mail (Customers)', value: 'email' },
			{ name: 'External ID', value: 'external_id' },
		],
		description: 'The field that tells whether the record exists',
		displayOptions: { show: { resource: RECORDS, operation: ['upsert'] } },
	},
	{
		displayName: 'Specify Body',
		name: 'source',
		type: 'options',
		default: 'fields',
		options: [
			{ name: 'Using Fields Below', value: 'fields' },
			{ name: 'Using JSON', value: 'json' },
		],
		displayOptions: { show: { resource: RECORDS, operation: ['create', 'upsert', 'update'] } },
	},
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
				multiKeyMatch: false,
				supportAutoMap: true,
			},
		},
		displayOptions: {
			show: { resource: RECORDS, operation: ['create', 'upsert', 'update'], source: ['fields'] },
		},
	},
	{
		displayName: 'JSON',
		name: 'json',
		type: 'json',
		default: '{}',
		description: 'The body as the contract of the object has it. A record that was read may be sent as it is.',
		displayOptions: { show: { resource: RECORDS, operation: ['create', 'upsert', 'update'], source: ['json'] } },
	},
	{
		displayName: 'To Connection Name or ID',
		name: 'target',
		type: 'options',
		typeOptions: { loadOptionsMethod: 'getTargets' },
		default: '',
		required: true,
		description:
			'The system to copy to. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
		displayOptions: { show: { resource: RECORDS, operation: ['copy'] } },
	},
	{
		displayName: 'Match On',
		name: 'matchOn',
		type: 'options',
		default: '',
		options: [
			{ name: 'E-Mail', value: 'email' },
			{ name: 'External ID', value: 'external_id' },
			{ name: 'Link Only', value: '' },
		],
		description: 'How a record that is not linked yet is found at the other connection',
		displayOptions: { show: { resource: RECORDS, operation: ['copy'] } },
	},
	{
		displayName: 'Add Tags',
		name: 'addTags',
		type: 'string',
		default: '',
		placeholder: 'vip, wholesale',
		description: 'Tags to add, separated by commas',
		displayOptions: { show: { resource: RECORDS, operation: ['tags'] } },
	},
	{
		displayName: 'Remove Tags',
		name: 'removeTags',
		type: 'string',
		default: '',
		description: 'Tags to remove, separated by commas',
		displayOptions: { show: { resource: RECORDS, operation: ['tags'] } },
	},
	{
		displayName: 'Return All',
		name: 'returnAll',
		type: 'boolean',
		default: false,
		description: 'Whether to return all results or only up to a given limit',
		displayOptions: { show: { operation: ['getAll', 'comments'] } },
	},
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 50,
		description: 'Max number of results to return',
		displayOptions: { show: { operation: ['getAll', 'comments'], returnAll: [false] } },
	},
	{
		displayName: 'Newest Per System',
		name: 'newest',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 50 },
		default: 10,
		description: 'How many records of each linked system to return',
		displayOptions: { show: { resource: ['customer'], operation: ['orders', 'tickets'] } },
	},
	{
		displayName: 'Filters',
		name: 'filters',
		type: 'collection',
		placeholder: 'Add Filter',
		default: {},
		description: 'Filters match exactly. A filter that the connection does not have is refused.',
		displayOptions: { show: { resource: RECORDS, operation: ['getAll'] } },
		options: [
			{
				displayName: 'Changed Since',
				name: 'updated_since',
				type: 'dateTime',
				default: '',
				description: 'Only records that changed at or after this time, oldest first',
			},
			{ displayName: 'Customer (Orders)', name: 'customer', type: 'string', default: '' },
			{ displayName: 'E-Mail', name: 'email', type: 'string', placeholder: 'name@email.com', default: '' },
			{ displayName: 'External ID', name: 'external_id', type: 'string', default: '' },
			{ displayName: 'Number', name: 'number', type: 'string', default: '' },
			{ displayName: 'Requester (Tickets)', name: 'requester', type: 'string', default: '' },
			{
				displayName: 'Sort',
				name: 'sort',
				type: 'options',
				default: '-updated_at',
				options: [
					{ name: 'Newest Change First', value: '-updated_at' },
					{ name: 'Newest First', value: '-created_at' },
					{ name: 'Oldest Change First', value: 'updated_at' },
					{ name: 'Oldest First', value: 'created_at' },
				],
			},
			{ displayName: 'Status', name: 'status', type: 'string', default: '' },
		],
	},
];

export const writesShown = { show: { resource: RECORDS, operation: WRITES } };
export const readsShown = {
	show: { resource: RECORDS, operation: ['get', 'lookup', 'getAll', 'comments', 'findEverywhere', 'orders', 'tickets'] },
};
