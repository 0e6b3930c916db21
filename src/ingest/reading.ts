/** What a post does to each Observation of a reading: the pure decision, and the state that is kept of it. */
import { isDeleted, type Version } from '../store/store.ts';
import { difference, mergeSent, type Parsed, type Sent } from './mapping.ts';

/** What is kept of one Observation of a reading. */
export interface KeptField {
  /** What the device last sent for it. */
  readonly sent: Sent;
  /** The newest version that we wrote; 0 where somebody else was there before us. */
  readonly versionId: number;
  /** The version of somebody else (or the tombstone) that was left standing, once that has been said. */
  readonly standing?: number;
}

/** What is kept of a reading, under `<Device id>|<instant>` in the kind `reading`. */
export interface KeptReading {
  readonly vitalSignId: number;
  readonly fields: Readonly<Record<string, KeptField>>;
}

export type Decision =
  | { readonly does: 'repeat' }
  | { readonly does: 'create'; readonly sent: Sent }
  | { readonly does: 'correct' | 'amend'; readonly sent: Sent; readonly versionId: number }
  /** Somebody else's version, or a deletion, is left standing; `isNews` where the device sent something new for it. */
  | { readonly does: 'stand'; readonly sent: Sent; readonly newest: Version; readonly isNews: boolean };

/** `newest` is what the store holds under the Observation's id, where anybody has looked. */
export function decide(was: KeptField | undefined, now: Sent, newest: Version | undefined): Decision {
  if (!was) {
    return newest ? { does: 'stand', sent: now, newest, isNews: true } : { does: 'create', sent: now };
  }
  const sent = mergeSent(was.sent, now);
  const differs = difference(was.sent, sent);
  if (newest && (isDeleted(newest) || newest.versionId !== was.versionId)) {
    const isKnown = differs === 'none' && was.standing === newest.versionId;
    return isKnown ? { does: 'repeat' } : { does: 'stand', sent, newest, isNews: differs !== 'none' };
  }
  if (differs === 'none') return { does: 'repeat' };
  return { does: differs === 'changed' ? 'correct' : 'amend', sent, versionId: was.versionId };
}

export const decideAll = (
  kept: KeptReading | undefined,
  { sent }: Parsed,
  newest: ReadonlyMap<string, Version | undefined>,
): ReadonlyMap<string, Decision> =>
  new Map([...sent].map(([name, now]) => [name, decide(kept?.fields[name], now, newest.get(name))]));

/** The kept reading after these decisions. */
export function keptAfter(
  kept: KeptReading | undefined,
  decisions: ReadonlyMap<string, Decision>,
  vitalSignId: number,
): KeptReading {
  const fields: Record<string, KeptField> = { ...kept?.fields };
  for (const [name, decision] of decisions) {
    if (decision.does === 'repeat') continue;
    const { sent } = decision;
    if (decision.does === 'create') fields[name] = { sent, versionId: 1 };
    else if (decision.does === 'stand') {
      fields[name] = { sent, versionId: fields[name]?.versionId ?? 0, standing: decision.newest.versionId };
    } else fields[name] = { sent, versionId: decision.versionId + 1 };
  }
  return { vitalSignId, fields };
}
