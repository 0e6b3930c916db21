/** What is decided of a message before it is stored: what was read, what the maps make of it, or why it is kept and not taken in. docs/hl7v2.md */
import { asProblem, Problem } from '../../../fhir/outcome.ts';
import type { Entry } from '../../../interactions/interaction.ts';
import type { Log } from '../../../log.ts';
import type { Runtime } from '../../../runtime.ts';
import type { Change, Look } from '../../../store/store.ts';
import type { QuarantineCode } from '../../intake/quarantine.ts';
import type { Mapped, MapSetting } from '../maps/map.ts';
import type { Remark, Verdict } from './acknowledge.ts';
import { type Hl7Message, parseHeader, parseMessage } from './message.ts';

/** Warnings in one answer. */
const MOST_REMARKS = 20;

export interface DecideRoom {
  readonly store: Look;
  readonly map: (message: Hl7Message, setting: MapSetting) => Promise<Mapped>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
  readonly base: string;
  /** IANA zone of times that name none. */
  readonly zone: string;
  readonly log: Pick<Log, 'error'>;
}

/** What is decided of a message before it is stored. */
export interface Decided {
  readonly verdict: Verdict;
  readonly entries: readonly Entry[];
  readonly also: readonly Change[];
  readonly remarks: readonly Remark[];
  readonly quarantine?: { readonly code: QuarantineCode; readonly reason: string };
  readonly mapped?: Mapped;
}

const conditionOf = (code: QuarantineCode): Remark['condition'] => {
  if (code === 'unmapped') return 200;
  if (code === 'no-patient' || code === 'no-device') return 204;
  return code === 'unreadable' ? 100 : 102;
};

/** A state that passes: the sender is told to try again, and nothing is kept. */
export const isPassing = (error: unknown): boolean => asProblem(error).status >= 500;

/** Of what is too much the header is read, so that its sender knows what the answer is to. */
export function read(bytes: Uint8Array): { message?: Hl7Message; refused?: Problem } {
  try {
    return { message: parseMessage(bytes) };
  } catch (error) {
    const refused = asProblem(error);
    if (refused.code !== 'too-long') return { refused };
    try {
      return { message: parseHeader(bytes), refused };
    } catch {
      return { refused };
    }
  }
}

/** Kept for somebody to look at; the remark tells the sender why. */
export const refusedWith = (code: QuarantineCode, reason: string, remark: Partial<Remark> = {}): Decided => ({
  verdict: 'AE',
  entries: [],
  also: [],
  remarks: [{ condition: conditionOf(code), sentence: reason, ...remark }],
  quarantine: { code, reason },
});

/** What the maps make of it. A fault of ours in them is one of this message alone: it is kept, and others go on. */
export async function decide(
  message: Hl7Message,
  raw: string,
  isCorrection: boolean,
  { store, map, runtime, canonical, base, zone, log }: DecideRoom,
): Promise<Decided> {
  let mapped: Mapped;
  try {
    mapped = await map(message, { store, canonical, base, zone, now: runtime.now(), raw });
  } catch (error) {
    if (error instanceof Problem && isPassing(error)) throw error;
    if (!(error instanceof Problem)) log.error('an HL7 v2 message could not be mapped', error, { type: message.type });
    return refusedWith('unreadable', error instanceof Problem ? error.message : 'the message could not be read');
  }
  if (mapped.quarantine) return { ...refusedWith(mapped.quarantine.code, mapped.quarantine.reason), mapped };
  const warnings = [...message.warnings, ...mapped.warnings];
  if (isCorrection) warnings.unshift('MSH-10 was used before for another message; this one was taken for a correction');
  const remarks = warnings.slice(0, MOST_REMARKS).map((sentence) => ({ condition: 0, sentence }) as const);
  return { verdict: 'AA', entries: mapped.entries, also: mapped.also, remarks, mapped };
}
