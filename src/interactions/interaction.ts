/** What an interaction is, what it is asked and what it answers. https://hl7.org/fhir/R4/http.html */
import type { Issue } from '../fhir/outcome.ts';
import type { Resource, ResourceKey } from '../fhir/references.ts';
import type { Criterion } from '../search/query.ts';
import type { Change, Look, Store, Version, Written } from '../store/store.ts';

/** Codes of https://hl7.org/fhir/R4/valueset-type-restful-interaction.html and system-restful-interaction. */
export type InteractionCode =
  | 'read'
  | 'vread'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'history-instance'
  | 'history-type'
  | 'history-system'
  | 'search-type'
  | 'search-system'
  | 'batch'
  | 'transaction'
  | 'capabilities'
  | 'operation';

/** A resource as it came in: text without insignificant whitespace, already past the byte guard, and what it parses to. */
export interface Incoming {
  readonly text: string;
  readonly resource: Resource;
}

/** Conditional headers, parsed. https://hl7.org/fhir/R4/http.html#concurrency */
export interface Conditions {
  /** versionId that must be newest. */
  readonly ifMatch?: number;
  readonly ifNoneMatch?: number | '*';
  /** Milliseconds since 1970. */
  readonly ifModifiedSince?: number;
  /** Search criteria without the leading type. */
  readonly ifNoneExist?: string;
}

export type Parameters = readonly (readonly [name: string, value: string])[];

/** One entry of a batch or transaction. */
export interface Entry {
  readonly fullUrl: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As written in request.url: `Patient/1`, `Observation?code=x`. */
  readonly url: string;
  readonly body?: Incoming;
  readonly conditions: Conditions;
}

export interface FhirRequest {
  readonly interaction: InteractionCode;
  /** '' for the system level. */
  readonly type: string;
  /** '' where the URL names none. */
  readonly id: string;
  readonly versionId?: number;
  /** Only what is in the compartment of this resource is searched: `/Patient/1/Observation`, `/Patient/1/*`. */
  readonly compartment?: ResourceKey;
  /** Which operation is asked for, and how; with the interaction 'operation' alone. */
  readonly operation?: { readonly code: string; readonly method: 'GET' | 'POST' };
  /** Decoded query (and form body) parameters, in order. */
  readonly parameters: Parameters;
  readonly conditions: Conditions;
  readonly body?: Incoming;
  /** Entries of a batch or transaction; inside callers hand them over ready. */
  readonly entries?: readonly Entry[];
  /** Prefer: handling=strict refuses unknown search parameters. */
  readonly strict: boolean;
  /** Prefer: return=...; what the client wants back from a write. https://hl7.org/fhir/R4/http.html#ops */
  readonly prefer?: 'minimal' | 'representation' | 'OperationOutcome';
  /** Absolute URL of the FHIR base without a trailing slash, for links and fullUrl. */
  readonly base: string;
  readonly requestId: string;
  /** Network address of the client. */
  readonly address: string;
}

export interface FhirAnswer {
  readonly status: number;
  /** The version that ETag, Last-Modified, Location and the body come from. */
  readonly version?: Version;
  /** JSON text to send instead of the version's. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What was noticed besides: ignored parameters, warnings. */
  readonly issues?: readonly Issue[];
  /** Patients whose data the answer holds (`Patient/1`), for the audit row. */
  readonly patients?: readonly string[];
  /** For a batch or transaction: one per entry, in order. */
  readonly entries?: readonly FhirAnswer[];
  /** What broke, where an entry was answered with a status of 500 or more: for the log, never for the client. */
  readonly cause?: unknown;
  /** What followed from the writes (Flag, DetectedIssue ...), as committed. */
  readonly effects?: Pending;
}

/** What the caller may do and see. Deny is the default everywhere; an empty grant list grants nothing. */
export interface Access {
  /** True where every question below is answered yes, so that nobody need parse a resource to ask. */
  readonly unrestricted: boolean;
  permits(interaction: InteractionCode, type: string): boolean;
  /**
   * What a resource of the type must fulfil for the caller to find it, or with another right to read or write it; undefined: nothing more. The one
   * truth about rows: `sees` and `mayWrite` hold the same against one resource. See `narrow`.
   */
  finds(type: string, right?: Sight | 'c' | 'u' | 'd'): Criterion | undefined;
  /** What `finds` says with the right to search, by who the caller is and not by what is the caller's at the moment. Left out: the same. */
  reaches?(type: string): Criterion | undefined;
  /** Whether a reference (`Patient/1`) leads to what a chain of `finds` asks for, as it was five seconds ago at most. */
  leads?(chain: Extract<Criterion, { is: 'refers' }>, target: string): Promise<boolean>;
  /** A promise where it takes a look at other resources. Without a right: to read it. */
  sees(resource: Resource, right?: Sight): boolean | Promise<boolean>;
  /** The same of a stored version, where that can be told without parsing it; left out: `sees` is asked. */
  seesVersion?(version: Version, right?: Sight): boolean | Promise<boolean>;
  /** The text with hidden elements left out; the identity where none are hidden. */
  shows(text: string): string;
  /** Elements of the type that the caller may neither see nor search nor sort by: `telecom`, `contact.name`. Left out: none. */
  hides?(type: string): readonly string[];
  mayWrite(before: Resource | undefined, after: Resource | undefined): boolean | Promise<boolean>;
  /** Name of the scope that would be needed, where the Access comes from a token. https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
  scopeFor?(interaction: InteractionCode, type: string): string;
}

/** The SMART rights by which a resource is seen: read by its id, or found. */
export type Sight = 'r' | 's';

export interface Caller {
  /** `Device/dev001`, `Practitioner/7`, `Client/admin`, `System/notifier`. */
  readonly who: string;
  /** Prefix of the device key that it came with, for the audit row. */
  readonly key?: string;
  readonly access: Access;
  /** Of a person at a page of ours: the login with its epoch, and the id of the session. */
  readonly session?: { readonly login: string; readonly epoch: number; readonly id: string };
}

/** A resource to store that has not been indexed yet: what derivations and inside callers hand to the write path. */
export interface Draft {
  readonly op: 'save';
  readonly key: ResourceKey;
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly resource: Resource;
  /** Exact JSON text where digits matter; otherwise the resource is serialised. */
  readonly text?: string;
  readonly expect: 'absent' | 'any' | { readonly versionId: number };
}

/** What a commit already holds while more follows from its writes. */
export type Pending = readonly (Draft | Change)[];

/**
 * What follows from a write, in the same commit. Looks, returns, never writes. What it returns is validated and indexed,
 * not derived from again. `after` is undefined for a deletion. `pending` is what the same commit already holds: look there
 * first for the state you keep. Expectations hold against the state before the commit; two puts of one key may stand in one
 * list (the last wins), as may two saves of one resource (two versions).
 */
export type Derive = (
  write: { readonly key: ResourceKey; readonly before: Version | undefined; readonly after: Resource | undefined },
  pending: Pending,
  look: Look,
  setting: { readonly now: number; readonly canonical: string; readonly caller: Caller },
) => Promise<Pending>;

/**
 * The one gate: declared? permitted? then the interaction, then one audit row. `also` are private changes (a feed's cursor,
 * a ledger row) that an inside caller adds to the commit; no request can set it.
 */
export type Dispatch = (request: FhirRequest, caller: Caller, also?: readonly Change[]) => Promise<FhirAnswer>;

/** What the audit row of a write says, known before its commit. */
export interface Deed {
  readonly status: number;
  /** `Patient/1`, several separated by spaces, or a type. */
  readonly target: string;
  /** The same way, those whose data was touched. */
  readonly patients: string;
}

/** What an interaction may use. */
export interface Context {
  readonly store: Omit<Store, 'commit'>;
  readonly caller: Caller;
  /** FHIR base of this server: absolute references below it mean its own resources. */
  readonly base: string;
  /** The only way to write: adds the private changes of the caller and the audit row to the same commit. */
  commit(changes: readonly Change[], deed: Deed): Promise<readonly Written[]>;
  /** The gate itself, for the entries of a batch. */
  readonly dispatch: Dispatch;
}

export interface Interaction {
  readonly code: InteractionCode;
  /** The SMART right it takes: create, read, update, delete, search, or none. */
  readonly right: 'c' | 'r' | 'u' | 'd' | 's' | '';
  handle(request: FhirRequest, context: Context): Promise<FhirAnswer>;
}
