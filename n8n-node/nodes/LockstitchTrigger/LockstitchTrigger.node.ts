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
		webhooks: [
			{
				name: 'default',
				httpMethod: 'POST',
				responseMode: '={{ $parameter["respond"] ?? "onReceived" }}',
				responseData: 'noData',
				path: 'lockstitch',
			},
		],
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
				displayName: 'Respond',
				name: 'respond',
				type: 'options',
				options: [
					{
						name: 'Immediately',
						value: 'onReceived',
						description:
							"The event counts as delivered before the workflow runs. A failed execution is repeated by n8n's Retry only.",
					},
					{
						name: 'When the Workflow Has Ended',
						value: 'lastNode',
						description:
							'If it fails, or n8n ends in the middle, Lockstitch delivers the event again. Give each write a Business Key, and finish within 15 s.',
					},
				],
				default: 'onReceived',
				description: 'When Lockstitch is told that the event has arrived',
			},
			{
				displayName: 'Drop Repeats',
				name: 'dropRepeats',
				type: 'boolean',
				displayOptions: { show: { respond: ['onReceived'] } },
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
		// A claim would swallow the delivery that repeats a failed execution.
		const isClaimed =
			this.getNodeParameter('respond', 'onReceived') === 'onReceived' &&
			this.getNodeParameter('dropRepeats', true) === true;
		if (isClaimed && !(await claim(this, event.id as string))) {
			return { webhookResponse: { repeated: true } };
		}
		return { workflowData: [this.helpers.returnJsonArray(event)] };
	}
}
