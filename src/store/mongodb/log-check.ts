/** Looks behind a change stream whether all that was stored has come along it. */
import type { Timestamp } from 'mongodb';
import { keyOf } from '../../fhir/references.ts';
import type { Version } from '../store.ts';
import type { Parts } from './parts.ts';
import { createReads } from './reads.ts';
import { majorityTime, namesBetween } from './sweep.ts';

/** By so much lastUpdated may be ahead of the moment of storing: clocks of servers differ. Ms. */
const AHEAD = 5_000;
/** Versions remembered at most before it looks. */
const MANY = 100_000;

export interface LogCheck {
  /** This one has come. */
  passed(version: Version): void;
  /** Looks, if that is due, at what is older than the time that the stream has come to (ms since 1970 UTC). */
  look(time: number): Promise<void>;
  /** What the last look found and the stream did not bring, once it has come beyond the cluster time of the look. */
  missed(reached: Timestamp): Promise<readonly Version[]>;
}

const nameOf = ({ key, versionId }: Version) => `${key.type}/${key.id}/${versionId}`;

/** Of all types unless one is named. `begun` is when the stream began, in ms since 1970 UTC: what is older came before it. Looks every so many ms, at what is older than that. */
export function createLogCheck(
  parts: Pick<Parts, 'client' | 'collections'>,
  begun: number,
  every: number,
  type?: string,
): LogCheck {
  const seen = new Map<string, number>();
  const { vread } = createReads(parts.collections);
  let from = begun + AHEAD;
  let found: { readonly names: readonly string[]; readonly at: Timestamp; readonly until: number } | undefined;

  return {
    passed(version) {
      if (version.lastUpdated >= from) seen.set(nameOf(version), version.lastUpdated);
    },
    async look(time) {
      const until = time - every;
      const isDue = until - from >= every || (seen.size >= MANY && until > from);
      if (found || !isDue) return;
      const names = (await namesBetween(parts, from, until, type)).filter((name) => !seen.has(name));
      found = { names, at: await majorityTime(parts), until };
    },
    async missed(reached) {
      if (!found || (found.names.length > 0 && reached.lessThanOrEqual(found.at))) return [];
      const { names, until } = found;
      const versions: Version[] = [];
      for (const name of names.filter((name) => !seen.has(name))) {
        const slash = name.lastIndexOf('/');
        const version = await vread(keyOf(name.slice(0, slash))!, Number(name.slice(slash + 1)));
        if (version) versions.push(version);
      }
      found = undefined;
      from = until;
      for (const [name, updated] of seen) if (updated < until) seen.delete(name);
      return versions.sort((one, other) => one.lastUpdated - other.lastUpdated);
    },
  };
}
