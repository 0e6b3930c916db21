/** By which names canonicals lead to resources: those that a resource has, and that which a canonical means. https://hl7.org/fhir/R4/references.html#canonical */
import type { Resource } from '../fhir/references.ts';
import { elementTypes } from './knowledge.ts';

/** Their `url` is where something is reached, and no name. */
const addressed: ReadonlySet<string> = new Set(['Binary', 'Device', 'DeviceDefinition']);

/** Whether resources of the type have canonicals. */
export const hasCanonical = (type: string): boolean =>
  !addressed.has(type) && elementTypes(type, 'url').some((element) => element.type === 'uri');

/** What a resource of such a type is called by canonicals, without a version and with its own. See query.ts */
export function canonicalsOf({ url, version }: Resource): readonly string[] {
  if (typeof url !== 'string' || !inOneWord.test(url)) return [];
  return typeof version === 'string' && inOneWord.test(version) ? [`${url}|`, `${url}|${version}`] : [`${url}|`];
}

const inOneWord = /^\S+$/;

/** What a canonical leads to, in the same form: `url|` where it names no version; fragments do not count. Undefined where it has no url. */
export function calledBy(canonical: string): string | undefined {
  const [, url, version = ''] = /^([^\s#|]+)(?:#[^\s|]*)?(?:\|([^\s#]*)(?:#\S*)?)?$/.exec(canonical) ?? [];
  return url === undefined ? undefined : `${url}|${version}`;
}
