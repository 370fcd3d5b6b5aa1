import type { INodeProperties } from 'n8n-workflow';

import { operationsOf } from './shared';

export const customerFields: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'upsert',
		displayOptions: { show: { resource: ['customer'] } },
		options: operationsOf('a customer', 'customers', [
			{
				name: 'Archive',
				value: 'archive',
				action: 'Archive a customer',
				description: 'Archive a customer, where the vendor can',
			},
			{
				name: 'Get Orders',
				value: 'orders',
				action: 'Get the orders of a customer in all systems',
				description: 'The newest orders in all systems that the customer is linked to',
			},
			{
				name: 'Get Tickets',
				value: 'tickets',
				action: 'Get the tickets of a customer in all systems',
				description: 'The newest tickets in all systems that the customer is linked to',
			},
		]),
	},
];
