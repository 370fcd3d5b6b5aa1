import type {
	ILoadOptionsFunctions,
	INodePropertyOptions,
	ResourceMapperField,
	ResourceMapperFields,
} from 'n8n-workflow';

import { FIRST_OF } from './fields';
import { pathOf, send } from './requests';

interface Offered {
	name: string;
	title: string;
	objects: Array<{ object: string; verbs: string[]; look_ups: string[]; system_of_record: boolean }>;
}
interface Property {
	type?: string | string[];
	format?: string;
	enum?: string[];
	description?: string;
	readOnly?: boolean;
	anyOf?: Array<{ $ref?: string }>;
	'x-class'?: string;
}
interface Contract {
	write_schema: { properties: Record<string, Property> };
	connections: Record<
		string,
		{
			system_of_record: boolean;
			fields: Array<{ field: string; creates: boolean; updates: boolean; values: string[] }>;
		}
	>;
}
const DEFAULT_CONNECTION: INodePropertyOptions = {
	name: 'System of Record',
	value: '',
	description: 'The connection that Lockstitch uses for this object unless another one is named',
};
const OBJECTS = ['customer', 'order', 'ticket'];
const REFERENCE = '#/$defs/ReferencePatch';
const PREFER_FAST = { Prefer: 'wait=5' };

/** List the connections that can do what the node is set to, with the system of record first. */
export async function getConnections(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const object = this.getCurrentNodeParameter('resource') as string;
	return [DEFAULT_CONNECTION, ...(await connectionsWith(this, (one) => one.object === object))];
}

/** List the connections that have any of the objects, for triggers and stock; `All` first. */
export async function getAllConnections(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	return [{ name: 'All', value: '' }, ...(await connectionsWith(this, () => true))];
}

/** List the connections to which a record can be copied. */
export async function getTargets(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const object = this.getCurrentNodeParameter('resource') as string;
	return await connectionsWith(this, (one) => one.object === object && one.verbs.includes('create'));
}

/** List the connections that take exports. */
export async function getUploadConnections(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	return await connectionsWith(this, (one) => one.verbs.includes('upload'));
}

/** List the types of Events, those of a whole object first. */
export async function getEventTypes(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const { body } = await send(this, { path: '/v1/options/events' });
	const types = body.data as Array<{ value: string; by_name_only: boolean }>;
	const wildcards = OBJECTS.map((object) => ({
		name: `${object}.*`,
		value: `${object}.*`,
		description: `Created, updated, deleted: all of ${object}s, without transitions`,
	}));
	return [...wildcards, ...types.map((type) => ({ name: type.value, value: type.value }))];
}

/** List the fields of the objects whose Events are chosen. */
export async function getChangedFields(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
	const chosen = (this.getCurrentNodeParameter('events') ?? []) as string[];
	const objects = OBJECTS.filter((object) => chosen.some((type) => type.startsWith(`${object}.`) || type === '*'));
	const contracts = await Promise.all(objects.map(async (object) => await contractOf(this, object)));
	const names = contracts.flatMap((contract) => Object.keys(contract.write_schema.properties));
	return [...new Set(names)].sort().map((name) => ({ name: titleOf(name), value: name }));
}

/** Return the fields that can be written at the connection, as columns. */
export async function getMappingColumns(this: ILoadOptionsFunctions): Promise<ResourceMapperFields> {
	const object = this.getCurrentNodeParameter('resource') as string;
	const updates = this.getCurrentNodeParameter('operation') === 'update';
	const { connections, write_schema } = await contractOf(this, object);
	const named = (this.getCurrentNodeParameter('connection') ?? '') as string;
	const connection =
		named in connections || named !== ''
			? named
			: Object.keys(connections).find((name) => connections[name].system_of_record);
	const covered = new Map((connections[connection ?? '']?.fields ?? []).map((one) => [one.field, one]));
	const columns = Object.entries(write_schema.properties)
		.filter(([, property]) => property.readOnly !== true)
		.filter(([name]) => {
			const coverage = covered.get(name);
			return coverage === undefined || (updates ? coverage.updates : coverage.creates);
		})
		.map(async ([name, property]) => {
			const values = covered.get(name)?.values ?? [];
			if (property.anyOf?.some((one) => one.$ref === REFERENCE)) {
				return await referenceColumns(this, object, name, property, connection);
			}
			return columnsOf(object, name, property, values);
		});
	return { fields: (await Promise.all(columns)).flat() };
}

function columnsOf(object: string, name: string, property: Property, values: string[]): ResourceMapperField[] {
	const whole = column(name, typeOf(property), property);
	const choices = values.length > 0 ? values : (property.enum ?? []).filter((value) => value !== 'unknown');
	if (property.enum !== undefined) {
		return [{ ...whole, type: 'options', options: choices.map((value) => ({ name: titleOf(value), value })) }];
	}
	const first = Object.entries(FIRST_OF).find(([, { list }]) => object === 'customer' && list === name)?.[0];
	return first === undefined ? [whole] : [{ ...column(first, 'string', property), removed: false }, whole];
}

async function referenceColumns(
	context: ILoadOptionsFunctions,
	object: string,
	name: string,
	property: Property,
	connection: string | undefined,
): Promise<ResourceMapperField[]> {
	const ids = column(`${name}.remote_id`, 'string', property);
	const choices = connection === undefined ? [] : await optionsOf(context, connection, object, name);
	return [
		column(`${name}.email`, 'string', property),
		choices.length === 0 ? ids : { ...ids, type: 'options', options: choices },
		column(name, 'object', property),
	];
}

/** Return the account's options of a field; none if it has none, or the vendor does not answer now. */
async function optionsOf(
	context: ILoadOptionsFunctions,
	connection: string,
	object: string,
	field: string,
): Promise<INodePropertyOptions[]> {
	try {
		const path = pathOf('options', connection, object, field);
		const { body } = await send(context, { path, headers: PREFER_FAST, patience: 0 });
		const options = body.options as Array<{ value: string; label: string; active?: boolean }>;
		return options.filter((one) => one.active !== false).map((one) => ({ name: one.label, value: one.value }));
	} catch {
		return [];
	}
}

async function connectionsWith(
	context: ILoadOptionsFunctions,
	can: (object: Offered['objects'][number]) => boolean,
): Promise<INodePropertyOptions[]> {
	const { body } = await send(context, { path: '/v1/connections' });
	return (body.data as unknown as Offered[])
		.filter((connection) => connection.objects.some(can))
		.map(({ name, title }) => ({ name: `${title} (${name})`, value: name }));
}

async function contractOf(context: ILoadOptionsFunctions, object: string): Promise<Contract> {
	const { body } = await send(context, { path: pathOf('contracts', object) });
	return body as unknown as Contract;
}

function column(id: string, type: ResourceMapperField['type'], property: Property): ResourceMapperField {
	return {
		id,
		displayName: titleOf(id),
		type,
		required: false,
		defaultMatch: false,
		canBeUsedToMatch: false,
		display: true,
		removed: property['x-class'] !== 'essential',
	};
}

function typeOf(property: Property): ResourceMapperField['type'] {
	const types = [property.type ?? 'object'].flat();
	if (types.includes('array')) return 'array';
	if (types.includes('boolean')) return 'boolean';
	if (types.includes('object')) return 'object';
	return property.format === 'date-time' ? 'dateTime' : 'string';
}

function titleOf(name: string): string {
	const words = name.replace(/[._]/g, ' ').replace(/\bid\b/, 'ID');
	return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The drop-downs of all nodes. */
export const loadOptions: Record<string, (this: ILoadOptionsFunctions) => Promise<INodePropertyOptions[]>> = {
	getConnections,
	getAllConnections,
	getTargets,
	getUploadConnections,
	getEventTypes,
	getChangedFields,
};
