import type { IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { perform } from '../../lockstitch/actions';
import { failedItem, nodeError } from '../../lockstitch/errors';
import { getMappingColumns, loadOptions } from '../../lockstitch/options';
import { CREDENTIAL } from '../../lockstitch/requests';
import { optionFields } from './descriptions/options';
import { otherFields } from './descriptions/other';
import { recordFields } from './descriptions/records';

/** Customers, orders and tickets of all connected systems, and what becomes of writes. */
export class Lockstitch implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Lockstitch',
		name: 'lockstitch',
		icon: { light: 'file:../../icons/lockstitch.svg', dark: 'file:../../icons/lockstitch.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
		description: 'Read and write customers, orders and tickets in all connected systems',
		defaults: { name: 'Lockstitch' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: CREDENTIAL, required: true }],
		properties: [
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				default: 'customer',
				options: [
					{ name: 'Claim', value: 'claim' },
					{ name: 'Customer', value: 'customer' },
					{ name: 'Operation', value: 'operation' },
					{ name: 'Order', value: 'order' },
					{ name: 'Run', value: 'run' },
					{ name: 'Stock', value: 'stock' },
					{ name: 'Ticket', value: 'ticket' },
					{ name: 'Upload', value: 'upload' },
				],
			},
			...recordFields,
			...otherFields,
			...optionFields,
		],
	};

	methods = { loadOptions, resourceMapping: { getMappingColumns } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const output: INodeExecutionData[] = [];
		for (let item = 0; item < this.getInputData().length; item++) {
			try {
				const records = await perform(this, item);
				output.push(...records.map((json) => ({ json, pairedItem: { item } })));
			} catch (cause) {
				const error = nodeError(this.getNode(), cause, item);
				if (!this.continueOnFail()) throw error;
				output.push({ json: failedItem(error), pairedItem: { item } });
			}
		}
		return [output];
	}
}
