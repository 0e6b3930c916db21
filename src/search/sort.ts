/** The order of matches: `_sort`. https://hl7.org/fhir/R4/search.html#sort */
import { customDefinitionsOf } from './knowledge.ts';
import type { Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import type { SortKey } from './query.ts';
import { demandIndexed, invalid, tooCostly, unsupported } from './refusals.ts';

const mostKeys = 5;

/** Reads `-date,_id`; throws problems of status 400, for a parameter without an order one that names those that have one. */
export function sortKeys(type: string, value: string): readonly SortKey[] {
  const keys = value.split(',');
  if (keys.length > mostKeys) throw tooCostly('_sort', `takes at most ${mostKeys} keys`);
  return keys.map((key, i) => sortKey(type, key, i + 1));
}

function sortKey(type: string, key: string, place: number): SortKey {
  const descending = key.startsWith('-');
  const code = descending ? key.slice(1) : key;
  if (code === '') throw invalid('_sort', `has nothing as key ${place}`);
  if (code === '_id') return { by: 'id', descending };
  const parameter = parametersOf(type).get(code);
  const by = parameter && orderOf(parameter);
  if (by === undefined)
    throw unsupported('_sort', `has as key ${place} what gives no order; ${type} is sorted by ${sortable(type)}`);
  demandIndexed('_sort', parameter!);
  const { name, only } = parameter!;
  if (by !== 'value') return { by, name, descending };
  const isOfRunTime = customDefinitionsOf(type).some((one) => one.code === code);
  return {
    by,
    name,
    ...(only !== undefined && { target: only }),
    descending,
    ...(isOfRunTime && { parameter: parameter! }),
  };
}

/** Texts of a narrative and words have no order; nor has what is found under several names. */
function orderOf({ type, code, anyOf }: Parameter): Exclude<SortKey['by'], 'id'> | undefined {
  if (anyOf !== undefined || withoutOrder.has(code)) return undefined;
  if (type === 'date' || type === 'number' || type === 'quantity') return 'range';
  if (type === 'string') return 'text';
  return type === 'token' || type === 'uri' || type === 'reference' ? 'value' : undefined;
}

/** `_id` has an order of its own. */
const withoutOrder: ReadonlySet<string> = new Set(['_id', '_text', '_content', '_query']);

/** Whether `_sort` takes the parameter. */
export const isSortable = (parameter: Parameter): boolean =>
  parameter.code === '_id' || orderOf(parameter) !== undefined;

const sortable = (type: string): string =>
  ['_id', ...[...parametersOf(type).values()].filter(orderOf).map(({ code }) => code)].join(', ');
