import type {
	IAuthenticateGeneric,
	Icon,
	ICredentialTestRequest,
	ICredentialType,
	INodeProperties,
} from 'n8n-workflow';

/** The address of a Lockstitch and an API key. */
export class LockstitchApi implements ICredentialType {
	name = 'lockstitchApi';

	displayName = 'Lockstitch API';

	icon: Icon = { light: 'file:../icons/lockstitch.svg', dark: 'file:../icons/lockstitch.dark.svg' };

	documentationUrl = 'https://lockstitch.example.com/n8n-node#credential';

	properties: INodeProperties[] = [
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			default: 'http://127.0.0.1:8080',
			required: true,
			description: 'Where n8n reaches Lockstitch. From n8n in Docker it is usually http://host.docker.internal:8080.',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description: 'Made by an operator: <code>lockstitch key create n8n --scope customers:read …</code>',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: { headers: { Authorization: '=Bearer {{ $credentials.apiKey }}' } },
	};

	test: ICredentialTestRequest = {
		request: { baseURL: '={{ $credentials.baseUrl.replace(/\\/+$/, "") }}', url: '/v1/me' },
	};
}
