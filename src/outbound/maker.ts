/** What a maker's cloud is asked with, and what comes back: the words between a feed and the client of its maker. docs/credentials.md */
import type { BreakerState } from './breaker.ts';

/** A maker's side of the account; several of them may be the same thing to different makers. Names as in the request that stores them. */
export interface Credentials {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly api_key?: string;
  /** PEM (PKCS #8) or a JWK as JSON. */
  readonly private_key?: string;
  /** PEM, the client's first. */
  readonly certificate?: string;
  readonly environment: Environment;
}
export const environments = ['sandbox', 'production'] as const;
export type Environment = (typeof environments)[number];

/**
 * How a maker wants to know who asks. Whatever the kind, `headerName` adds the API key to every call, the one for a token
 * among them; and a certificate is shown with every call where the kind is mutual-tls.
 */
export interface MakerAuth {
  readonly kind: 'client-secret' | 'private-key-jwt' | 'mutual-tls' | 'api-key';
  /** Below the base URL, or absolute: where tokens are. Needed by the first two kinds, possible with mutual-tls (RFC 8705). */
  readonly tokenPath?: string;
  readonly scope?: string;
  /** Header of the API key; `X-API-Key` for the kind api-key where it is left out, none for the others. */
  readonly headerName?: string;
  /** The secret goes into the body, not into an Authorization header. */
  readonly inBody?: true;
  /** The request for a token is JSON, with the secret in it, not a form. */
  readonly json?: true;
  /** Of private-key-jwt. Default RS384, ES384 for an elliptic key. */
  readonly algorithm?: 'RS384' | 'ES384';
  readonly keyId?: string;
  /** Default: the URL of the token. */
  readonly audience?: string;
}

export interface MakerLimits {
  /** Calls that are under way at a time. */
  readonly atATime: number;
  readonly perMinute: number;
  /** Of one answer; more of it is refused. */
  readonly bytes: number;
  /** Milliseconds to the headers of an answer, and to its last byte. */
  readonly headers: number;
  readonly total: number;
}

export interface MakerCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base URL: `/devices/1/readings`; its parts percent-encoded by the caller. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `Idempotency-Key`: makes a POST or PATCH safe to repeat, so it is repeated. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  /** Whether an answer of 2xx is one that can be read, such as {@link isReadable}; what is not is asked for again like after a fault, the last one is handed back. */
  readonly isGood?: (reply: MakerReply) => boolean;
}

/** An answer of 2xx. */
export interface MakerReply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a maker says of the calls that are left to us. */
export interface Quota {
  readonly limit?: number;
  readonly remaining?: number;
  /** ms since 1970 UTC. */
  readonly reset?: number;
}

export interface MakerState {
  /** The last call was answered, or none was made yet; false while the breaker is open. */
  readonly up: boolean;
  readonly breaker: BreakerState;
  /** ms since 1970 UTC, as are the others. */
  readonly tokenExpires?: number;
  readonly quota?: Quota;
  readonly lastSuccess?: number;
  /** A sentence without a value of an answer. */
  readonly lastError?: string;
  readonly calls: number;
  readonly retries: number;
  readonly failures: number;
  /** Requests for a token. */
  readonly tokens: number;
}

export interface MakerClient {
  /**
   * Resolves with an answer of 2xx. Throws: login (the credential is missing or refused), expired (a fresh token is refused), forbidden,
   * throttled and transient (with Retry-After where it is known), timeout, not-found, deleted (410), conflict, too-long, value (any other refusal).
   */
  call(call: MakerCall): Promise<MakerReply>;
  state(): MakerState;
}
