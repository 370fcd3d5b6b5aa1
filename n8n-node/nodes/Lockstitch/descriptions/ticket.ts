import type { INodeProperties } from 'n8n-workflow';

import { operationsOf } from './shared';

const commented = { show: { resource: ['ticket'], operation: ['comment'] } };

export const ticketFields: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'create',
		displayOptions: { show: { resource: ['ticket'] } },
		options: operationsOf('a ticket', 'tickets', [
			{
				name: 'Comment',
				value: 'comment',
				action: 'Comment on a ticket',
				description: 'Add a reply or an internal note',
			},
			{
				name: 'Get Comments',
				value: 'comments',
				action: 'Get the comments of a ticket',
				description: 'List the comments, oldest first',
			},
		]),
	},
	{
		displayName: 'Text',
		name: 'text',
		type: 'string',
		typeOptions: { rows: 4 },
		default: '',
		required: true,
		displayOptions: commented,
	},
	{
		displayName: 'Visibility',
		name: 'visibility',
		type: 'options',
		default: 'private',
		options: [
			{ name: 'Internal Note', value: 'private' },
			{ name: 'Public Reply', value: 'public' },
		],
		displayOptions: commented,
	},
];
