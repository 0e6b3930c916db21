/** From answers to the response Bundle of a batch or transaction. https://hl7.org/fhir/R4/http.html#transaction-response */
import type { BundleEntry } from '../fhir/bundle.ts';
import { asProblem, isBroken, operationOutcome, problem } from '../fhir/outcome.ts';
import { isDeleted } from '../store/store.ts';
import { etagOf } from './answer.ts';
import type { Context, Entry, FhirAnswer, FhirRequest } from './interaction.ts';
import { parametersOf, type Routed, routeOf, splitQuery } from './route.ts';

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
  const { path, query } = splitQuery(url.replace(/^\//, ''));
  const routed = routeOf(entry.method, path);
  if (entry.body && routed.interaction.startsWith('search'))
    throw problem('invalid', `${at}.resource: the parameters of a search stand in request.url, an entry has no form`, {
      expression: `${at}.resource`,
    });
  return {
    ...routed,
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

/** The answer to one entry on its own: a refusal is an answer too. */
export async function answerOf(request: FhirRequest, { dispatch, caller }: Context): Promise<FhirAnswer> {
  try {
    return await dispatch(request, caller);
  } catch (error) {
    return refusalOf(error);
  }
}

/** What an entry is answered that was refused or broke; the error itself goes along where nobody expected it, for the log. */
export function refusalOf(error: unknown): FhirAnswer {
  const { status, issues } = asProblem(error);
  return { status, issues, cause: isBroken(error) ? error : undefined };
}

/** One entry of the response. What was read is always shown; what was written, where the client wants it back. */
export function entryOf(answer: FhirAnswer, { base, prefer }: FhirRequest, reads: boolean): BundleEntry {
  const { status, version, text, issues } = answer;
  const isShown = version && (reads || prefer === 'representation') && status !== 304 && !isDeleted(version);
  return {
    resource: text ?? (isShown ? version.text : undefined),
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
