/** Puts aside what of a telling cannot be taken in, each thing once. */
import type { Change } from '../../store/store.ts';
import type { QuarantineCode, Quarantined } from '../intake/quarantine.ts';
import { type Asked, putRow } from './asked.ts';
import { digest } from './occasion.ts';

/** Digests that are kept of what could not be placed. */
const MOST = 1_000;

export interface Aside {
  /** With the row as sent. */
  put(code: QuarantineCode, reason: string, row: unknown, about?: Pick<Quarantined, 'device' | 'patient'>): void;
  /** The same of what nothing else is kept of: it is remembered that this has been said. */
  putOnce(code: QuarantineCode, reason: string, row: unknown, about?: Pick<Quarantined, 'device' | 'patient'>): void;
  readonly quarantined: readonly Quarantined[];
  /** What is to be kept of it. */
  changes(): readonly Change[];
}

export function createAside({ told, raw, now, unplaced }: Asked): Aside {
  const quarantined: Quarantined[] = [];
  const known: readonly string[] = unplaced.kept?.value.seen ?? [];
  const seen: string[] = [];
  const aside: Aside = {
    quarantined,
    put(code, reason, row, about = {}) {
      quarantined.push({ feed: told.implant.maker, at: now, code, reason, raw, row, ...about, state: 'open' });
    },
    putOnce(code, reason, row, about) {
      const said = digest([code, row]);
      if (known.includes(said) || seen.includes(said)) return;
      seen.push(said);
      aside.put(code, reason, row, about);
    },
    changes: () => (seen.length === 0 ? [] : [putRow(unplaced, { seen: [...known, ...seen].slice(-MOST) })]),
  };
  return aside;
}
