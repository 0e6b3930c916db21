/** What an answer of a maker that is no 2xx comes to: a problem whose code tells what to do about it. https://www.rfc-editor.org/rfc/rfc9110#status.codes */
import { type IssueCode, type Problem, problem } from '../fhir/outcome.ts';

export interface Answered {
  readonly status: number;
  /** Milliseconds after which the maker wants to be asked again. */
  readonly wait?: number;
}

const codes: Readonly<Record<number, IssueCode>> = {
  401: 'login',
  403: 'forbidden',
  404: 'not-found',
  408: 'transient',
  409: 'conflict',
  410: 'deleted',
  412: 'conflict',
  425: 'transient',
  429: 'throttled',
};

const said: Partial<Record<IssueCode, string>> = {
  login: 'refused the credential',
  forbidden: 'does not permit this to the credential',
  'not-found': 'knows nothing at this address',
  conflict: 'refused this as a conflict',
  deleted: 'has let go of what was asked for',
  throttled: 'wants fewer calls',
  transient: 'could not answer',
  value: 'refused the request',
};

export const isAnswered = (status: number): boolean => status >= 200 && status < 300;

/** Whether the same call may have another answer soon. */
export const isPassing = (refused: Problem): boolean =>
  refused.code === 'transient' || refused.code === 'timeout' || refused.code === 'throttled';

/** Whether the maker did not do its part, as the circuit breaker counts. */
export const isFault = (refused: Problem): boolean => refused.code === 'transient' || refused.code === 'timeout';

export function refusalOf(name: string, { status, wait }: Answered): Problem {
  const code = codes[status] ?? (status >= 500 ? 'transient' : 'value');
  const sentence = status < 400 ? 'answered with a redirect, which is not followed' : (said[code] ?? said.value);
  const headers: Record<string, string> = wait === undefined ? {} : { 'Retry-After': String(Math.ceil(wait / 1_000)) };
  return problem(code, `${name} ${sentence} (${status})`, { headers });
}

/** Of a request for a token: any 4xx but 408, 425 and 429 says that the credential, or what it asks for, is not accepted. */
export function tokenRefusalOf(name: string, answered: Answered): Problem {
  const refused = refusalOf(name, answered);
  if (isPassing(refused)) return refused;
  return problem('login', `${name} gave no token for the credential (${answered.status})`);
}

/** Nobody asks before then. `cause` is what was wrong when it was asked last. */
export const againAt = (
  code: 'throttled' | 'transient',
  name: string,
  at: number,
  now: number,
  cause: string | undefined,
): Problem =>
  problem(code, `${name} is asked again at ${new Date(at).toISOString()}${cause === undefined ? '' : `: ${cause}`}`, {
    headers: { 'Retry-After': String(Math.ceil((at - now) / 1_000)) },
  });
