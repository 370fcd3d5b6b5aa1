import type { IDisplayOptions, INodeProperties, INodePropertyOptions } from 'n8n-workflow';

type More = Partial<INodeProperties>;
type Choice = [name: string, value: string, description?: string];

/** Show a field for these values of other fields. */
export function visible(show: IDisplayOptions['show'], hide?: IDisplayOptions['hide']): More {
	return { displayOptions: hide === undefined ? { show } : { show, hide } };
}

export function text(displayName: string, name: string, description: string, more: More = {}): INodeProperties {
	return { displayName, name, type: 'string', default: '', description, ...more };
}

export function flag(displayName: string, name: string, description: string, more: More = {}): INodeProperties {
	return { displayName, name, type: 'boolean', default: false, description: `Whether to ${description}`, ...more };
}

export function count(
	displayName: string,
	name: string,
	value: number,
	description: string,
	more: More = {},
): INodeProperties {
	return { displayName, name, type: 'number', typeOptions: { minValue: 0 }, default: value, description, ...more };
}

export function choice(
	displayName: string,
	name: string,
	value: string,
	choices: Choice[],
	more: More = {},
): INodeProperties {
	return { displayName, name, type: 'options', default: value, options: choices.map(optionOf), ...more };
}

/** A drop-down that is filled by a call. */
export function loaded(
	displayName: string,
	name: string,
	loadOptionsMethod: string,
	meaning: string,
	more: More = {},
): INodeProperties {
	const description = `${meaning} Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.`;
	return {
		displayName: `${displayName} Name or ID`,
		name,
		type: 'options',
		typeOptions: { loadOptionsMethod },
		default: '',
		description,
		...more,
	};
}

/** A group of fields that are added when they are needed. */
export function collection(displayName: string, name: string, options: INodeProperties[], more: More): INodeProperties {
	return { displayName, name, type: 'collection', placeholder: 'Add Field', default: {}, options, ...more };
}

/** The operations of a resource: name, value, what it does in the list of actions. */
export function operations(resource: string, value: string, choices: Array<[string, string, string]>): INodeProperties {
	const options = choices
		.map(([name, operation, action]) => ({ name, value: operation, action, description: action }))
		.sort((a, b) => a.name.localeCompare(b.name));
	return {
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: value,
		options,
		...visible({ resource: [resource] }),
	};
}

function optionOf([name, value, description]: Choice): INodePropertyOptions {
	return description === undefined ? { name, value } : { name, value, description };
}
