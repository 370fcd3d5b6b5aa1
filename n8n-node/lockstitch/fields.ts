import type { IDataObject, IExecuteFunctions, ResourceMapperValue } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

/** Columns that stand for the first entry of a list, because most records have one. */
export const FIRST_OF: Record<string, { list: string; entry: (value: unknown) => IDataObject }> = {
	email: { list: 'emails', entry: (value) => ({ address: value, is_primary: true }) as IDataObject },
	phone: { list: 'phones', entry: (value) => ({ ...numberOf(String(value)), is_primary: true }) },
};
const CUSTOM = 'custom_fields.';
const ALWAYS_PASSED = ['meta'];

/** Return the body of a write: the JSON as entered, or the fields that were filled in or mapped from the item. */
export function bodyOf(context: IExecuteFunctions, item: number): IDataObject {
	if (context.getNodeParameter('source', item) === 'json') {
		return jsonOf(context, context.getNodeParameter('json', item), item);
	}
	const resource = context.getNodeParameter('resource', item) as string;
	const connection = context.getNodeParameter('connection', item, '') as string;
	const values = mappedValues(context, item);
	const body: IDataObject = {};
	for (const [name, value] of Object.entries(values)) {
		if (value === null || value === undefined || value === '') continue;
		place(body, name, value, resource);
	}
	for (const value of Object.values(body)) addConnection(value, connection);
	for (const name of listOf(context.getNodeParameter('options.clear', item, '') as string)) body[name] = null;
	return body;
}

/** Return an object that was entered as JSON text or came from an expression. */
export function jsonOf(context: IExecuteFunctions, entered: unknown, item: number): IDataObject {
	let value = entered;
	if (typeof value === 'string') {
		try {
			value = JSON.parse(value);
		} catch (error) {
			throw new NodeOperationError(context.getNode(), 'The body is not JSON', {
				itemIndex: item,
				description: `${(error as Error).message}. Inside an expression, use {{ JSON.stringify($json) }} or {{ $json }}.`,
			});
		}
	}
	if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as IDataObject;
	throw new NodeOperationError(context.getNode(), 'The body must be one JSON object', { itemIndex: item });
}

/** Return the entries of a list that was entered with commas. */
export function listOf(text: string | string[]): string[] {
	const entries = Array.isArray(text) ? text : text.split(',');
	return entries.map((entry) => entry.trim()).filter((entry) => entry !== '');
}

function mappedValues(context: IExecuteFunctions, item: number): IDataObject {
	const mapper = context.getNodeParameter('fields', item) as ResourceMapperValue;
	if (mapper.mappingMode !== 'autoMapInputData') return (mapper.value ?? {}) as IDataObject;
	const input = context.getInputData()[item].json;
	const columns = (mapper.schema ?? []).map((column) => column.id);
	if (columns.length === 0) return input;
	return Object.fromEntries(
		Object.entries(input).filter(
			([name]) => columns.includes(name) || ALWAYS_PASSED.includes(name) || name.startsWith(CUSTOM),
		),
	);
}

function place(body: IDataObject, name: string, value: unknown, resource: string): void {
	const first = resource === 'customer' ? FIRST_OF[name] : undefined;
	if (first !== undefined) {
		const rest = (body[first.list] ?? []) as IDataObject[];
		body[first.list] = [first.entry(value), ...rest];
	} else if (name.startsWith(CUSTOM)) {
		const others = (body.custom_fields ?? []) as IDataObject[];
		body.custom_fields = [...others, { key: name.slice(CUSTOM.length), value } as IDataObject];
	} else if (name.includes('.')) {
		const [outer, inner] = name.split('.', 2);
		body[outer] = { ...(body[outer] as IDataObject | undefined), [inner]: value } as IDataObject;
	} else {
		const entered = typeof body[name] === 'object' ? body[name] : undefined;
		body[name] = (
			Array.isArray(value) && Array.isArray(entered)
				? [...(entered as IDataObject[]), ...(value as IDataObject[])]
				: value
		) as IDataObject;
	}
}

function numberOf(phone: string): IDataObject {
	const digits = phone.replace(/[\s()./-]/g, '');
	return /^\+\d{6,15}$/.test(digits) ? { e164: digits } : { raw: phone };
}

/** A vendor's id in a reference counts only with the connection that it belongs to. */
function addConnection(value: unknown, connection: string): void {
	if (connection === '' || typeof value !== 'object' || value === null || Array.isArray(value)) return;
	const reference = value as IDataObject;
	if (reference.remote_id !== undefined && reference.connection === undefined) reference.connection = connection;
}
