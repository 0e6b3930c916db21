/** The parameters that shape the answer and not the matches: order, page, total, includes. https://hl7.org/fhir/R4/search.html#return */
import { problem } from '../fhir/outcome.ts';
import { isResourceType } from './knowledge.ts';
import { type Parameter, parametersOf } from './parameters.ts';
import type { Include, SearchQuery, SortKey } from './query.ts';

export type Controls = Pick<SearchQuery, 'sort' | 'count' | 'total' | 'includes'>;

type Parameters = readonly (readonly [name: string, value: string])[];

const names = new Set([
  '_sort',
  '_count',
  '_total',
  '_include',
  '_revinclude',
  '_format',
  '_pretty',
  '_summary',
  '_elements',
  '_contained',
  '_containedType',
]);

/** True for parameters that say nothing about which resources are meant. */
export const isControl = (name: string): boolean => names.has(name.split(':')[0]!);

const usualCount = 20;
const mostMatches = 1000;

/** Reads them; throws problems of status 400 that name the parameter. */
export function readControls(type: string, parameters: Parameters): Controls {
  let sort: readonly SortKey[] = [];
  let count = usualCount;
  let total: Controls['total'] = 'none';
  let onlyCount = false;
  const includes: Include[] = [];
  for (const [name, value] of parameters) {
    switch (name) {
      case '_format':
      case '_pretty':
        break;
      case '_sort':
        sort = value.split(',').map((key) => sortKey(type, key));
        break;
      case '_count':
        count = countOf(value);
        break;
      case '_total':
        total = totalOf(value);
        break;
      case '_summary':
        if (value !== 'count' && value !== 'false')
          throw problem('not-supported', '_summary: only count and false are supported');
        onlyCount = value === 'count';
        break;
      case '_include':
        includes.push(includeOf(type, value));
        break;
      default:
        throw problem(
          'not-supported',
          `Search parameter ${name.slice(0, 64).replace(/[^\w:]/g, '?')} is not supported`,
        );
    }
  }
  if (onlyCount) count = 0;
  return { sort, count, total: count === 0 ? 'accurate' : total, includes };
}

function countOf(value: string): number {
  if (!/^\d+$/.test(value)) throw problem('invalid', '_count takes a number from 0 on');
  return Math.min(Number(value), mostMatches);
}

function totalOf(value: string): Controls['total'] {
  if (value === 'none') return 'none';
  if (value === 'estimate' || value === 'accurate') return 'accurate';
  throw problem('invalid', '_total takes none, estimate or accurate');
}

function sortKey(type: string, key: string): SortKey {
  const descending = key.startsWith('-');
  const code = descending ? key.slice(1) : key;
  const parameter = parametersOf(type).get(code);
  if (code === '') throw problem('invalid', '_sort has an empty key');
  if (code === '_id') return { by: 'id', descending };
  const by = parameter && orderOf(parameter);
  if (by === undefined)
    throw problem('not-supported', `_sort: ${type} cannot be sorted by ${code.slice(0, 64).replace(/[^\w.-]/g, '?')}`);
  return { by, name: parameter!.name, descending };
}

function orderOf({ type, anyOf }: Parameter): 'range' | 'text' | undefined {
  if (anyOf !== undefined) return undefined;
  if (type === 'date' || type === 'number' || type === 'quantity') return 'range';
  return type === 'string' ? 'text' : undefined;
}

function includeOf(type: string, value: string): Include {
  const [source, code = '', target, ...more] = value.split(':');
  if (source === '*' || code === '*')
    throw problem('not-supported', '_include: name the parameter, `*` is not supported');
  if (source !== type) throw problem('invalid', `_include starts with the searched type: ${type}:parameter`);
  const parameter = parametersOf(type).get(code);
  if (parameter === undefined || parameter.type !== 'reference' || more.length > 0) {
    throw problem(
      'not-supported',
      `_include takes ${type}:parameter or ${type}:parameter:Target with a reference parameter`,
    );
  }
  if (target !== undefined && target !== '' && !isResourceType(target)) {
    throw problem('invalid', '_include: the target is not a resource type');
  }
  const narrow = target === undefined || target === '' ? parameter.only : target;
  return { way: 'to', type, name: parameter.name, ...(narrow === undefined ? {} : { target: narrow }), iterate: false };
}
