/** What the client asks of the answer: Accept and _format, Prefer, conditional headers. https://hl7.org/fhir/R4/http.html#general */
import type { IncomingMessage } from 'node:http';
import { problem } from '../fhir/outcome.ts';
import { etagVersion } from '../interactions/bundle-entries.ts';
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

function httpDate(text: string, name: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw problem('invalid', `${name} must be an HTTP date`);
  return at;
}

const none: Conditions = {};

/** Parsed conditional headers. `If-Match: *`, several ETags and an empty If-None-Exist are refused: none may mean "any". */
export function conditionsOf({ headers }: IncomingMessage): Conditions {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  const since = headers['if-modified-since'];
  const noneExist = headers['if-none-exist'];
  if (match === undefined && noneMatch === undefined && since === undefined && noneExist === undefined) return none;
  if (Array.isArray(noneExist)) throw problem('invalid', 'If-None-Exist may be given once');
  if (noneExist !== undefined && noneExist.replace('?', '').trim() === '') {
    throw problem('invalid', 'If-None-Exist must name a criterion');
  }
  return {
    ifMatch: match === undefined ? undefined : etagVersion(match, 'If-Match'),
    ifNoneMatch:
      noneMatch === undefined ? undefined : noneMatch.trim() === '*' ? '*' : etagVersion(noneMatch, 'If-None-Match'),
    ifModifiedSince: since === undefined ? undefined : httpDate(since, 'If-Modified-Since'),
    ifNoneExist: noneExist,
  };
}
