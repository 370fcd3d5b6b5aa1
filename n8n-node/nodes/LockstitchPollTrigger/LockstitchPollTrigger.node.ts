import type { INodeExecutionData, INodeType, INodeTypeDescription, IPollFunctions } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { getAllConnections, getEventTypes } from '../../lockstitch/options';
import { changedRecords, newEvents } from '../../lockstitch/polls';
import { CREDENTIAL } from '../../lockstitch/requests';

/** Starts a workflow with what is new since the last poll, where Lockstitch cannot reach n8n. */
export class LockstitchPollTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Lockstitch Poll Trigger',
		name: 'lockstitchPollTrigger',
		icon: { light: 'file:../../icons/lockstitch.svg', dark: 'file:../../icons/lockstitch.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ $parameter["watch"] }}',
		description: 'Start a workflow with the events or records that are new since the last poll',
		defaults: { name: 'Lockstitch Poll Trigger' },
		polling: true,
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: CREDENTIAL, required: true }],
		properties: [
			{
				displayName: 'Watch',
				name: 'watch',
				type: 'options',
				default: 'events',
				options: [
					{ name: 'Changed Records', value: 'records', description: 'Ask the vendor for the records that changed' },
					{ name: 'Events', value: 'events', description: 'Read the change feed: misses nothing' },
				],
			},
			{
				displayName: 'Event Names or IDs',
				name: 'events',
				type: 'multiOptions',
				typeOptions: { loadOptionsMethod: 'getEventTypes' },
				default: [],
				description:
					'None: all but transitions such as order.paid. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
				displayOptions: { show: { watch: ['events'] } },
			},
			{
				displayName: 'Object',
				name: 'object',
				type: 'options',
				default: 'customers',
				options: [
					{ name: 'Customers', value: 'customers' },
					{ name: 'Orders', value: 'orders' },
					{ name: 'Tickets', value: 'tickets' },
				],
				displayOptions: { show: { watch: ['records'] } },
			},
			{
				displayName: 'Connection Name or ID',
				name: 'connection',
				type: 'options',
				typeOptions: { loadOptionsMethod: 'getAllConnections' },
				default: '',
				description:
					'Events: only those of this system. Records: the system to ask, else the system of record. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
		],
	};

	methods = { loadOptions: { getAllConnections, getEventTypes } };

	async poll(this: IPollFunctions): Promise<INodeExecutionData[][] | null> {
		const isRecords = this.getNodeParameter('watch') === 'records';
		const fresh = isRecords ? await changedRecords(this) : await newEvents(this);
		return fresh.length === 0 ? null : [this.helpers.returnJsonArray(fresh)];
	}
}
