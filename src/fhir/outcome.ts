/** Errors are OperationOutcomes: born here, thrown anywhere, rendered at the door. https://hl7.org/fhir/R4/operationoutcome.html */

/** The codes of https://hl7.org/fhir/R4/valueset-issue-type.html that this server uses. */
export type IssueCode =
  | 'invalid'
  | 'structure'
  | 'required'
  | 'value'
  | 'invariant'
  | 'security'
  | 'login'
  | 'unknown'
  | 'expired'
  | 'forbidden'
  | 'suppressed'
  | 'processing'
  | 'not-supported'
  | 'duplicate'
  | 'multiple-matches'
  | 'not-found'
  | 'deleted'
  | 'too-long'
  | 'code-invalid'
  | 'extension'
  | 'too-costly'
  | 'business-rule'
  | 'conflict'
  | 'transient'
  | 'lock-error'
  | 'no-store'
  | 'exception'
  | 'timeout'
  | 'incomplete'
  | 'throttled'
  | 'informational';

export interface Issue {
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  readonly code: IssueCode;
  /** A sentence for people. Names ids, codes and paths; never a value out of a resource. */
  readonly diagnostics: string;
  /** FHIRPath of the element to blame, such as `Patient.name[0].given`. */
  readonly expression?: string;
}

const statusOf: Partial<Record<IssueCode, number>> = {
  invalid: 400,
  structure: 400,
  required: 400,
  value: 400,
  invariant: 422,
  'code-invalid': 422,
  'business-rule': 422,
  processing: 422,
  extension: 422,
  security: 401,
  login: 401,
  expired: 401,
  unknown: 401,
  forbidden: 403,
  suppressed: 403,
  'not-supported': 400,
  'not-found': 404,
  deleted: 410,
  'multiple-matches': 412,
  conflict: 409,
  duplicate: 409,
  'too-long': 413,
  'too-costly': 400,
  throttled: 429,
  transient: 503,
  'lock-error': 503,
  'no-store': 503,
  timeout: 503,
};

/** The one error of the house. Carries the issues of its OperationOutcome and the HTTP status it is answered with. */
export class Problem extends Error {
  readonly status: number;
  readonly issues: readonly Issue[];
  /** Response headers that belong to the refusal, such as Retry-After or Allow. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(issues: readonly Issue[], status: number, headers: Readonly<Record<string, string>> = {}) {
    super(issues[0]?.diagnostics ?? 'refused');
    this.issues = issues;
    this.status = status;
    this.headers = headers;
  }

  get code(): IssueCode {
    return this.issues[0]?.code ?? 'exception';
  }
}

export interface ProblemDetails {
  readonly expression?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error with one issue: `throw problem('not-found', 'Patient/1 was not found')`. */
export function problem(code: IssueCode, diagnostics: string, details: ProblemDetails = {}): Problem {
  const issue: Issue = { severity: 'error', code, diagnostics, expression: details.expression };
  return new Problem([issue], details.status ?? statusOf[code] ?? 500, details.headers);
}

/** The OperationOutcome resource for a list of issues. */
export function operationOutcome(issues: readonly Issue[]): object {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map(({ severity, code, diagnostics, expression }) => ({
      severity,
      code,
      diagnostics,
      ...(expression === undefined ? {} : { expression: [expression] }),
    })),
  };
}

/** Anything thrown as what the client may know of it: a Problem as it is, everything else one fixed sentence. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem
    ? error
    : problem('exception', 'the server could not do this; its log tells why under this request id', { status: 500 });

/** Whether something broke that the log has to tell; a state that passes, which the client is told to wait out, did not. */
export function isBroken(error: unknown): boolean {
  const { status, headers } = asProblem(error);
  return status >= 500 && headers['Retry-After'] === undefined;
}

/** Whether somebody else was quicker: what was looked at has changed since, and looking again may help. */
export const isOvertaken = (error: unknown): boolean => error instanceof Problem && [409, 412].includes(error.status);
