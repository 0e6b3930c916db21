/** Reads the entries of a batch or transaction off the Bundle's text, each resource with its exact bytes. https://hl7.org/fhir/R4/http.html#transaction */
import { itemsOf, textOf } from '../fhir/json.ts';
import { problem } from '../fhir/outcome.ts';
import { type ConditionTexts, conditionsFrom } from './conditions.ts';
import type { Conditions, Entry, Incoming } from './interaction.ts';

/** More entries than this are refused with 413. */
const MOST_ENTRIES = 10_000;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

function conditionsOf(request: Record<string, unknown>, at: string): Conditions {
  const text = (name: keyof ConditionTexts) => {
    const value = request[name];
    if (value !== undefined && typeof value !== 'string')
      throw problem('structure', `${at}.request.${name} must be a string`, { expression: `${at}.request.${name}` });
    return value;
  };
  const texts = {
    ifMatch: text('ifMatch'),
    ifNoneMatch: text('ifNoneMatch'),
    ifModifiedSince: text('ifModifiedSince'),
    ifNoneExist: text('ifNoneExist'),
  };
  return conditionsFrom(texts, (name) => `${at}.request.${name}`);
}

/** The entries, in order. Refuses what is no Bundle of that kind; the resources inside are not validated here. */
export function entriesOf({ text, resource }: Incoming): readonly Entry[] {
  const entries = resource.entry ?? [];
  if (!Array.isArray(entries))
    throw problem('structure', 'Bundle.entry must be an array', { expression: 'Bundle.entry' });
  if (entries.length > MOST_ENTRIES) throw problem('too-long', `a Bundle may have ${MOST_ENTRIES} entries`);
  const texts = itemsOf(textOf(text, ['entry']) ?? '[]');
  return entries.map((entry: any, i) => {
    const at = `Bundle.entry[${i}]`;
    const { method, url } = entry?.request ?? {};
    if (typeof url !== 'string' || !methods.includes(method)) {
      throw problem('invalid', `${at}.request must have a method and a url`, { expression: `${at}.request` });
    }
    const body = entry.resource;
    if (body !== undefined && (typeof body !== 'object' || body === null || typeof body.resourceType !== 'string')) {
      throw problem('structure', `${at}.resource must be a resource`, { expression: `${at}.resource` });
    }
    const fullUrl = entry.fullUrl ?? '';
    if (typeof fullUrl !== 'string')
      throw problem('structure', `${at}.fullUrl must be a string`, { expression: `${at}.fullUrl` });
    return {
      fullUrl,
      method,
      url,
      conditions: conditionsOf(entry.request, at),
      body: body && { text: textOf(texts[i]!, ['resource'])!, resource: body },
    };
  });
}
