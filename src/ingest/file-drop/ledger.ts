/** What is kept of a file that was taken in, in the same commit as its readings: found again after a crash, it is moved and not read. docs/file-drop.md */
import type { Change, Kept, Store } from '../../store/store.ts';
import type { Identity } from './dropped.ts';

const KIND = 'iot-file';
/** Longer than anybody leaves a file lying that could not be moved. */
const SECONDS = 90 * 86_400;

/** A reading of a batch that was refused. */
export interface Refused {
  readonly index: number;
  readonly error: string;
}

interface KeptFile {
  /** For people. */
  readonly name: string;
  /** Readings that were refused: the file goes to the failed ones. */
  readonly refused?: readonly Refused[];
  /** Of the file when it was read in part: moved back, it is to be read again. */
  readonly changed?: string;
}

export interface Entered {
  readonly refused: readonly Refused[];
}

export interface LedgerLine {
  /** Where this very file has been taken in already. */
  readonly entered: Entered | undefined;
  /** What goes into the commit of its readings. */
  enter(name: string, refused: readonly Refused[]): Change;
}

/** `digest` is the SHA-256 of the content. */
export async function lineOf(
  store: Pick<Store, 'get'>,
  { dev, ino, size, modified, changed }: Identity,
  digest: string,
): Promise<LedgerLine> {
  const key = [dev, ino, size, modified, digest].join('-');
  const [kept] = (await store.get(KIND, [key])) as readonly (Kept | undefined)[];
  const value = kept?.value as KeptFile | undefined;
  const isMovedBack = value?.refused !== undefined && value.changed !== String(changed);
  return {
    entered: value === undefined || isMovedBack ? undefined : { refused: value.refused ?? [] },
    enter(name, refused) {
      const inPart = refused.length > 0 ? { refused, changed: String(changed) } : {};
      const entry: KeptFile = { name, ...inPart };
      return { op: 'put', kind: KIND, key, value: entry, expect: kept?.revision ?? 'absent', expiresIn: SECONDS };
    },
  };
}
