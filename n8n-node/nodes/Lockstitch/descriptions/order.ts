import type { INodeProperties } from 'n8n-workflow';

import { operationsOf } from './shared';

const cancelled = { show: { resource: ['order'], operation: ['cancel'] } };

export const orderFields: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'get',
		displayOptions: { show: { resource: ['order'] } },
		options: operationsOf('an order', 'orders', [
			{
				name: 'Cancel',
				value: 'cancel',
				action: 'Cancel an order',
				description: 'Cancel an order, and say whether to restock, refund and notify',
			},
		]),
	},
	{
		displayName: 'Reason',
		name: 'reason',
		type: 'options',
		default: 'customer',
		options: [
			{ name: 'Customer', value: 'customer' },
			{ name: 'Fraud', value: 'fraud' },
			{ name: 'Inventory', value: 'inventory' },
			{ name: 'Other', value: 'other' },
			{ name: 'Payment Declined', value: 'payment_declined' },
			{ name: 'Staff', value: 'staff' },
		],
		displayOptions: cancelled,
	},
	{
		displayName: 'Cancellation',
		name: 'cancellation',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		displayOptions: cancelled,
		options: [
			{ displayName: 'Note', name: 'note', type: 'string', default: '', description: 'Note for the staff' },
			{
				displayName: 'Notify',
				name: 'notify',
				type: 'boolean',
				default: false,
				description: 'Whether the vendor notifies the buyer',
			},
			{
				displayName: 'Refund',
				name: 'refund',
				type: 'boolean',
				default: false,
				description: 'Whether to refund the payments to their original means of payment',
			},
			{
				displayName: 'Restock',
				name: 'restock',
				type: 'boolean',
				default: false,
				description: 'Whether to return the goods to stock',
			},
		],
	},
];
