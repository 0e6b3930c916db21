/** A resource as a caller is shown it: without hidden elements, wherever in it resources stand, and without the narrative that could tell them. */
import { parseExact, writeExact } from '../../fhir/json.ts';
import { cut, type ElementPath } from './elements.ts';

/** By resource type. */
export type HiddenElements = (type: string) => readonly ElementPath[];

/** Gives the text without them; what stays keeps its digits. `types` are those of which elements are hidden. */
export function showing(hidden: HiddenElements, types: readonly string[]): (text: string) => string {
  const concerned = new RegExp(`"resourceType":"(?:${types.join('|')})"`);
  return (text) => {
    // Compact text: a name can only be written otherwise with an escape.
    if (!concerned.test(text) && !text.includes('\\u')) return text;
    const content = parseExact(text);
    return cutWhole(content, hidden) ? writeExact(content) : text;
  };
}

/** Tells whether it is, or has in it, a resource of a type of which elements are hidden. */
function cutWhole(resource: any, hidden: HiddenElements): boolean {
  if (typeof resource !== 'object' || resource === null || typeof resource.resourceType !== 'string') return false;
  const own = hidden(resource.resourceType);
  for (const path of own) cut(resource, path);
  let isConcerned = own.length > 0;
  for (const inner of resourcesIn(resource)) isConcerned = cutWhole(inner, hidden) || isConcerned;
  // The narrative may tell them. It goes whether or not this resource has them: that would tell.
  if (isConcerned) delete resource.text;
  return isConcerned;
}

function resourcesIn(resource: any): readonly any[] {
  const list = (value: unknown): readonly any[] => (Array.isArray(value) ? value : []);
  const within = list(resource.contained);
  if (resource.resourceType === 'Bundle') {
    return [...within, ...list(resource.entry).flatMap((entry) => [entry?.resource, entry?.response?.outcome])];
  }
  if (resource.resourceType === 'Parameters') return [...within, ...inParameters(list(resource.parameter))];
  return within;
}

const inParameters = (parameters: readonly any[]): readonly any[] =>
  parameters.flatMap((one) => [one?.resource, ...(Array.isArray(one?.part) ? inParameters(one.part) : [])]);
