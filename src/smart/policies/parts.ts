/** What the room of policies is built on. */
import type { Runtime } from '../../runtime.ts';
import type { Criterion, IndexEntries } from '../../search/query.ts';
import type { Store } from '../../store/store.ts';
import type { Grant } from '../grant.ts';
import type { Right } from '../scopes/criterion.ts';
import type { Policies } from './policy.ts';

/** What Consents leave of what a grant opens; undefined: all of it. */
export interface Consents {
  narrow(grant: Grant, type: string, right: Right): Promise<Criterion | undefined>;
  /** The Consents of these patients that take anything of the type from the caller, and what each of them alone leaves. */
  narrowing?(grant: Grant, type: string, right: Right, patients: readonly string[]): Promise<readonly Narrowed[]>;
}

export interface Narrowed {
  /** `Consent/1` */
  readonly consent: string;
  readonly leaves: Criterion;
}

export interface AccessRoomParts {
  readonly store: Pick<Store, 'read' | 'search' | 'get' | 'list'>;
  /** Absolute URL of the FHIR base, without a trailing slash. */
  readonly base: string;
  /** Prefix of our own canonical URLs. */
  readonly canonical: string;
  /** The index entries of a stored text. */
  readonly extract: (text: string) => IndexEntries;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly policies: Policies;
  readonly consents?: Consents;
}
