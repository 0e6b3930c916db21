/** One hostile request and the right answer to it; the rows are those of docs/promises.md. */
import type { Buffer } from 'node:buffer';

/** Stands in every value that is sent; must come back in no refusal and in no log line. */
export const CANARY = 'Quetzalcoatlus77';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** Parsed; undefined where it is no JSON. */
  readonly body: any;
}

export interface Attack {
  /** `I1` to `I52`. */
  readonly row: string;
  readonly what: string;
  readonly method?: string;
  /** Sent as it is: not normalised, not encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text, bytes, or a maker of bytes for what is large; anything else is sent as JSON. */
  readonly body?: unknown;
  /** Whose credentials: the administrator's by default. */
  readonly as?: 'admin' | 'device' | 'nobody';
  readonly status: number | readonly number[];
  /** issue.code of the OperationOutcome; left out where the answer is no refusal. */
  readonly code?: string | readonly string[];
  /** True for the few that rightly store something; they store Organizations only. */
  readonly stores?: boolean;
  /** Milliseconds. */
  readonly within?: number;
  /** False for what is refused before anybody could say what was asked: framing and addresses outside every room. */
  readonly isAudited?: boolean;
  /** How many interactions it is, where it is more than one: a batch and each of its entries that can be carried out. */
  readonly rows?: number;
  readonly check?: (answer: Answer) => void;
}

export const fhir = (
  row: string,
  what: string,
  resource: { resourceType: string; [element: string]: unknown },
  status: Attack['status'],
  code: Attack['code'],
): Attack => ({ row, what, path: `/fhir/${resource.resourceType}`, body: resource, status, code });

/** The bytes of `piece` over and over, `size` in all, between a beginning and an end. */
export const filled = (begin: string, piece: string, size: number, end: string) => (): Buffer =>
  globalThis.Buffer.concat([
    globalThis.Buffer.from(begin),
    globalThis.Buffer.alloc(Math.floor(size / piece.length) * piece.length, piece),
    globalThis.Buffer.from(end),
  ]);
