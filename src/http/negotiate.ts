/** What the client asks of the answer: Accept and _format, Prefer, conditional headers. https://hl7.org/fhir/R4/http.html#general */
import type { IncomingMessage } from 'node:http';
import { problem } from '../fhir/outcome.ts';
import { conditionsFrom } from '../interactions/conditions.ts';
import type { Conditions, FhirRequest, Parameters } from '../interactions/interaction.ts';

const jsonNames = ['json', 'application/json', 'application/fhir+json', 'application/json+fhir', 'text/json'];
const accepted = new Map<string, boolean>();

function acceptsJson(header: string): boolean {
  const known = accepted.get(header);
  if (known !== undefined) return known;
  const isAccepted = header.split(',').some((part) => {
    const [type, ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const isRefused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    return !isRefused && (type === '*/*' || type === 'application/*' || jsonNames.includes(type!));
  });
  if (accepted.size < 1_000) accepted.set(header, isAccepted);
  return isAccepted;
}

const notAcceptable = () => problem('not-supported', 'this server answers in application/fhir+json', { status: 406 });

/** Refuses with 406 where JSON is not wanted. `_format` outranks the Accept header. */
export function demandJsonWanted(request: IncomingMessage, parameters: Parameters): void {
  const format = parameters.find(([name]) => name === '_format');
  if (format) {
    // A plus sign in a query is a blank, and clients write application/fhir+json there.
    const wanted = format[1].split(';')[0]!.trim().toLowerCase().replace(' ', '+');
    if (!jsonNames.includes(wanted)) throw notAcceptable();
    return;
  }
  const { accept } = request.headers;
  if (accept !== undefined && !acceptsJson(accept)) throw notAcceptable();
}

/** https://hl7.org/fhir/R4/http.html#ops and #errors: Prefer. Values that nobody knows are ignored, as RFC 7240 wants. */
export function preferOf(request: IncomingMessage): Pick<FhirRequest, 'prefer' | 'strict'> {
  const header = request.headers.prefer;
  const text = Array.isArray(header) ? header.join(',') : header;
  if (!text) return { strict: false };
  const wanted = /(?:^|[,;\s])return\s*=\s*"?(minimal|representation|OperationOutcome)"?/.exec(text)?.[1];
  return { prefer: wanted as FhirRequest['prefer'], strict: /(?:^|[,;\s])handling\s*=\s*"?strict"?/.test(text) };
}

const headerNames = {
  ifMatch: 'If-Match',
  ifNoneMatch: 'If-None-Match',
  ifModifiedSince: 'If-Modified-Since',
  ifNoneExist: 'If-None-Exist',
} as const;

/** Parsed conditional headers. */
export function conditionsOf({ headers }: IncomingMessage): Conditions {
  const noneExist = headers['if-none-exist'];
  if (Array.isArray(noneExist)) throw problem('invalid', 'If-None-Exist may be given once');
  const since = headers['if-modified-since'];
  const texts = {
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    // RFC 9110 section 13.1.3: what is no date is ignored.
    ifModifiedSince: since === undefined || Number.isNaN(Date.parse(since)) ? undefined : since,
    ifNoneExist: noneExist,
  };
  return conditionsFrom(texts, (condition) => headerNames[condition]);
}
