/** Places in the version log, and how they are written down as tokens. */
import { Timestamp } from 'mongodb';
import type { Token } from '../store.ts';

/** In what is stored, ordered by lastUpdated and then by `Type/id`: after this version. */
export interface LogPlace {
  readonly u: number;
  readonly key: string;
}
export const beginning: LogPlace = { u: 0, key: '' };

export type Position =
  /** Reads what was stored at a cluster time; without one, what is stored when it begins. */
  | { readonly is: 'sweep'; readonly place: LogPlace; readonly at?: Timestamp }
  /** Follows what was stored after a cluster time. */
  | { readonly is: 'after'; readonly at: Timestamp }
  /** Follows the change stream from its own token on. */
  | { readonly is: 'stream'; readonly resume: string };

/** Ms since 1970 UTC, to the second. */
export const timeOf = (at: Timestamp): number => at.getHighBitsUnsigned() * 1_000;

/** The next cluster time. */
export const following = (at: Timestamp): Timestamp =>
  new Timestamp({ t: at.getHighBitsUnsigned(), i: at.getLowBitsUnsigned() + 1 });

/** What a stream has behind it: all up to this cluster time. Its token begins with that, after one byte that says so. */
export function reachedBy(position: Exclude<Position, { is: 'sweep' }>): Timestamp {
  if (position.is === 'after') return position.at;
  const time = /^82([0-9A-Fa-f]{8})([0-9A-Fa-f]{8})/.exec(position.resume);
  if (!time) throw new Error('a resume token of this MongoDB cannot be read');
  const [t, i] = [Number.parseInt(time[1]!, 16), Number.parseInt(time[2]!, 16)];
  return new Timestamp({ t, i });
}

const written = (at: Timestamp) => `${at.getHighBitsUnsigned()}.${at.getLowBitsUnsigned()}`;
const read = (at: string) => {
  const [t, i] = at.split('.').map(Number);
  return new Timestamp({ t: t!, i: i! });
};

export function tokenOf(position: Position): Token {
  switch (position.is) {
    case 'sweep':
      return `s ${position.place.u} ${position.place.key} ${position.at ? written(position.at) : ''}`;
    case 'after':
      return `a ${written(position.at)}`;
    case 'stream':
      return `r ${position.resume}`;
  }
}

export function positionOf(token: Token): Position {
  const sweep = /^s (\d+) (\S*) (\d+\.\d+)?$/.exec(token);
  if (sweep) {
    const [, u, key, at] = sweep;
    return { is: 'sweep', place: { u: Number(u), key: key! }, ...(at !== undefined && { at: read(at) }) };
  }
  const after = /^a (\d+\.\d+)$/.exec(token);
  if (after) return { is: 'after', at: read(after[1]!) };
  const stream = /^r (82[0-9A-Fa-f]{16,})$/.exec(token);
  if (stream) return { is: 'stream', resume: stream[1]! };
  throw new RangeError('this is no token of the version log');
}
