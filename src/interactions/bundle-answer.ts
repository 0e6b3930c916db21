/** From answers to the response Bundle of a batch or transaction. https://hl7.org/fhir/R4/http.html#transaction-response */
import { type BundleEntry, bundleText } from '../fhir/bundle.ts';
import { operationOutcome, problem } from '../fhir/outcome.ts';
import { isDeleted } from '../store/store.ts';
import { etagOf } from './answer.ts';
import type { Entry, FhirAnswer, FhirRequest } from './interaction.ts';
import { parametersOf, type Routed, routeOf } from './route.ts';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
const statusLine = (status: number) => (REASONS[status] ? `${status} ${REASONS[status]}` : String(status));

/** The request that an entry stands for, as if it had come alone. */
export function requestOf(entry: Entry, whole: FhirRequest, at: string): FhirRequest & Routed {
  const { base } = whole;
  let url = entry.url;
  if (url.startsWith(`${base}/`)) url = url.slice(base.length + 1);
  if (/^[a-z][a-z0-9+.-]*:/i.test(url))
    throw problem('invalid', `${at}.request.url points outside this server`, { expression: `${at}.request.url` });
  const [path, query = ''] = url.replace(/^\//, '').split('?', 2) as [string, string?];
  return {
    ...routeOf(entry.method, path),
    parameters: parametersOf(query),
    conditions: entry.conditions,
    body: entry.body,
    entries: undefined,
    strict: whole.strict,
    prefer: whole.prefer,
    base,
    requestId: whole.requestId,
    address: whole.address,
  };
}

/** One entry of the response; `sent` says whether the client asked for the resource back or only reads. */
export function entryOf(answer: FhirAnswer, { base, prefer }: FhirRequest, reads: boolean): BundleEntry {
  const { status, version, text, issues } = answer;
  const shown = reads || prefer === 'representation';
  return {
    resource:
      shown && status !== 304 ? (text ?? (version && !isDeleted(version) ? version.text : undefined)) : undefined,
    response: {
      status: statusLine(status),
      location:
        version && !reads && !isDeleted(version)
          ? `${base}/${version.key.type}/${version.key.id}/_history/${version.versionId}`
          : undefined,
      etag: version && etagOf(version),
      lastModified: version?.lastUpdated,
      outcome: issues?.length ? JSON.stringify(operationOutcome(issues)) : undefined,
    },
  };
}

export const responseText = (
  type: 'batch-response' | 'transaction-response',
  entries: readonly BundleEntry[],
): string => bundleText(type, entries);
