import type {
	IDataObject,
	IHookFunctions,
	INodeType,
	INodeTypeDescription,
	IWebhookFunctions,
	IWebhookResponseData,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { loadOptions } from '../../lockstitch/options';
import { CREDENTIAL } from '../../lockstitch/requests';
import { isSigned } from '../../lockstitch/signature';
import type { Subscribed } from '../../lockstitch/subscriptions';
import { claim, isCurrent, subscribe, unsubscribe } from '../../lockstitch/subscriptions';

/** Starts a workflow for each Event, within seconds. */
export class LockstitchTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Lockstitch Trigger',
		name: 'lockstitchTrigger',
		icon: { light: 'file:../../icons/lockstitch.svg', dark: 'file:../../icons/lockstitch.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{ $parameter["events"].join(", ") }}',
		description: 'Start a workflow when Lockstitch reports an event',
		defaults: { name: 'Lockstitch Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: CREDENTIAL, required: true }],
		webhooks: [{ name: 'default', httpMethod: 'POST', responseMode: 'onReceived', path: 'lockstitch' }],
		properties: [
			{
				displayName: 'Event Names or IDs',
				name: 'events',
				type: 'multiOptions',
				typeOptions: { loadOptionsMethod: 'getEventTypes' },
				default: [],
				required: true,
				description:
					'What starts the workflow. Transitions such as order.paid come only if they are named. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'Connection Name or ID',
				name: 'connection',
				type: 'options',
				typeOptions: { loadOptionsMethod: 'getAllConnections' },
				default: '',
				description:
					'Only events of this system. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'Changed Field Names or IDs',
				name: 'changed',
				type: 'multiOptions',
				typeOptions: { loadOptionsMethod: 'getChangedFields', loadOptionsDependsOn: ['events'] },
				default: [],
				description:
					'An update starts the workflow only if one of these fields changed. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'Drop Repeats',
				name: 'dropRepeats',
				type: 'boolean',
				default: true,
				description:
					'Whether to start the workflow once for each event, by a claim at Lockstitch. An event is delivered at least once.',
			},
		],
	};

	methods = { loadOptions };

	webhookMethods = {
		default: {
			async checkExists(this: IHookFunctions): Promise<boolean> {
				return await isCurrent(this);
			},
			async create(this: IHookFunctions): Promise<boolean> {
				await subscribe(this);
				return true;
			},
			async delete(this: IHookFunctions): Promise<boolean> {
				await unsubscribe(this);
				return true;
			},
		},
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		const { secret } = this.getWorkflowStaticData('node') as Partial<Subscribed>;
		const { rawBody } = this.getRequestObject() as unknown as { rawBody?: Buffer };
		if (!secret || !isSigned(secret, this.getHeaderData() as IDataObject, rawBody ?? Buffer.alloc(0))) {
			this.getResponseObject().status(401).json({ detail: 'The signature does not match the subscription.' });
			return { noWebhookResponse: true };
		}
		const event = this.getBodyData();
		if (this.getNodeParameter('dropRepeats') === true && !(await claim(this, event.id as string))) {
			return { webhookResponse: { repeated: true } };
		}
		return { workflowData: [this.helpers.returnJsonArray(event)] };
	}
}
