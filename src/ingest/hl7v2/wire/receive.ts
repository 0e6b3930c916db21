/** One message from its bytes to its answer: kept raw with all that follows from it in one commit, and only then acknowledged. docs/hl7v2.md */
import { asProblem, isBroken, Problem, problem } from '../../../fhir/outcome.ts';
import { createLine, settle } from '../../../interactions/settle.ts';
import type { Runtime } from '../../../runtime.ts';
import { isOutcomeUnknown } from '../../../store/refusals.ts';
import type { Change, Look, Store } from '../../../store/store.ts';
import { isOvertaken } from '../../intake/overtaken.ts';
import { provenanceEntry } from '../../intake/provenance.ts';
import { decision, openRows, quarantineChange, quarantineId } from '../../intake/quarantine.ts';
import { rawEntries, rawReference } from '../../intake/raw.ts';
import type { TakeIn } from '../../intake/take-in.ts';
import { acknowledgement, anyAcknowledgement, type Verdict } from './acknowledge.ts';
import { type Decided, type DecideRoom, decide, isPassing, read, refusedWith } from './decide.ts';
import { hashOf, type KeptMessage, keepMessage, keyOfMessage, messageKind } from './kept.ts';
import type { Hl7Message } from './message.ts';
import { inTime, notKnown, type Storing, tookTooLong, turn } from './patience.ts';
import { rowOf, type Sender } from './trail.ts';

export const FEED = 'hl7v2';
export const HL7 = 'application/hl7-v2';

/** From this size on one message is worked on at a time. */
const ALONE = 1024 * 1024;

export interface ReceiveRoom extends DecideRoom {
  readonly store: Look & Pick<Store, 'commit'>;
  readonly takeIn: TakeIn;
  readonly runtime: Runtime;
}

export type Outcome = 'accepted' | 'repeated' | 'corrected' | 'quarantined' | 'unreadable' | 'deferred';

export interface Received {
  readonly verdict: Verdict;
  readonly outcome: Outcome;
  /** MSH-9.1; '' where nothing could be read. */
  readonly type: string;
  /** ER7 text; undefined where the sender wishes no answer. */
  readonly answer: string | undefined;
}

export interface Receive {
  /** What goes wrong is an answer; throws only where nobody knows whether the message was stored, so that none can be given. */
  (bytes: Uint8Array, sender: Sender): Promise<Received>;
  /** Takes in what is in the quarantine under this id; throws where that cannot be done yet. */
  again(id: string, bytes: Uint8Array): Promise<void>;
}

export function createReceive(room: ReceiveRoom): Receive {
  const { store, takeIn, runtime, canonical, zone, log } = room;
  const line = createLine();
  const largeOnes = createLine();

  // 20 characters are what MSH-10 may have up to v2.5.
  const answerId = () => Buffer.from(runtime.random(10)).toString('hex');

  interface Work {
    readonly bytes: Uint8Array;
    readonly contentHash: string;
    readonly key: string;
    readonly message: Hl7Message | undefined;
    readonly refused: Problem | undefined;
    readonly sender: Sender;
    /** Id in the quarantine, where it is tried again. */
    readonly held?: string;
    readonly storing: Storing;
  }

  async function attempt(work: Work, isRetry: boolean): Promise<Received> {
    const { bytes, contentHash, key, message, refused, sender, held } = work;
    const type = message?.type ?? '';
    const now = runtime.now();
    const [kept] = await store.get(messageKind, [key]);
    const before = kept?.value as KeptMessage | undefined;
    if (before?.hash === contentHash && held === undefined) {
      await store.commit([rowOf(now, message, sender, before.verdict, { target: before.raw, reason: 'repeat' })]);
      return { verdict: before.verdict, outcome: 'repeated', type, answer: before.answer };
    }
    const raw = { feed: FEED, id: `${key}/${contentHash}`, contentType: HL7, bytes, received: now };
    const reference = rawReference(raw);
    // What was not taken in before is not corrected, but sent as it should have been.
    const isCorrection = before?.verdict === 'AA' && held === undefined;
    let decided: Decided;
    if (message === undefined || refused) decided = refusedWith('unreadable', refused!.message);
    else if (message.controlId === '')
      decided = refusedWith('unreadable', 'MSH-10 is empty', { condition: 101, location: 'MSH^1^10' });
    else decided = await decide(message, reference, isCorrection, room);
    const acknowledge = sender.mustAnswer ? anyAcknowledgement : acknowledgement;

    async function storeAs({ verdict, entries, also, remarks, quarantine, mapped }: Decided): Promise<Received> {
      // What is to be repaired stays as it is for whoever repairs it, and the reason is thrown at who tried.
      if (held !== undefined && quarantine) throw problem('business-rule', quarantine.reason);
      const aside = held === undefined ? undefined : mapped?.asides?.find(({ id }) => id === held);
      if (aside) throw problem('business-rule', aside.reason);
      const answer = acknowledge(message, { verdict, remarks, id: answerId(), now, zone });
      const { patient, device } = mapped ?? {};
      // It was kept before where it was tried before, or where the same came again after a correction or after a month.
      const isThere = (isRetry || held !== undefined) && (await store.read([keyOfRaw(reference)]))[0] !== undefined;
      const about = { ...(isStored(patient) && { patient }), ...(isStored(device) && { device }) };
      // Whom the message makes is known by the entry that makes them.
      const told = { ...(patient && { patient }), ...(device && { device }) };
      const targets = entries.map(({ fullUrl }) => fullUrl);
      const provenance = provenanceEntry({
        targets,
        raw: reference,
        recorded: now,
        feed: FEED,
        activity: isCorrection ? 'UPDATE' : 'CREATE',
        ...(mapped?.occurred && { occurred: mapped.occurred }),
        ...(isStored(device) && { author: device }),
        ...(mapped && { assumptions: mapped.assumptions }),
      });
      const id = held ?? quarantineId(FEED, key, contentHash);
      const value: KeptMessage = {
        hash: contentHash,
        verdict,
        at: now,
        raw: reference,
        ...(answer !== undefined && { answer }),
        ...(quarantine && { quarantine: id }),
      };
      await turn(bytes, runtime);
      if (work.storing.isGivenUp) throw tookTooLong();
      work.storing.isStoring = true;
      await takeIn(
        FEED,
        [
          ...(isThere ? [] : rawEntries(raw, canonical, told).entries),
          ...entries,
          ...(targets.length > 0 ? [provenance] : []),
        ],
        [
          ...also,
          keepMessage(key, value, kept),
          ...(await quarantined(id, { verdict, quarantine, reference, about, now, held, earlier: before?.quarantine })),
          rowOf(now, message, sender, verdict, { target: reference, ...(quarantine && { reason: quarantine.code }) }),
        ],
        { requestId: sender.requestId, address: sender.address },
      );
      const taken = isCorrection ? 'corrected' : 'accepted';
      const keptAs = message === undefined || refused ? 'unreadable' : 'quarantined';
      return { verdict, outcome: verdict === 'AA' ? taken : keptAs, type, answer };
    }

    try {
      return await storeAs(decided);
    } catch (error) {
      work.storing.isStoring &&= isOutcomeUnknown(error) || !(error instanceof Problem);
      if (isOvertaken(error) || isPassing(error) || held !== undefined) throw error;
      // What the maps made is refused by the house: the message is kept for somebody to look at.
      return storeAs(refusedWith('refused', asProblem(error).message));
    }
  }

  async function quarantined(
    id: string,
    of: {
      readonly verdict: Verdict;
      readonly quarantine: Decided['quarantine'];
      readonly reference: string;
      readonly about: { readonly patient?: string; readonly device?: string };
      readonly now: number;
      readonly held: string | undefined;
      /** Of the same MSH-10, as it came before. */
      readonly earlier: string | undefined;
    },
  ): Promise<readonly Change[]> {
    const { verdict, quarantine, reference, about, now, held, earlier } = of;
    if (held !== undefined) {
      const [row] = await openRows(store, [held]);
      if (!row) throw problem('business-rule', 'this was decided already');
      return [decision(row, 'taken-in')];
    }
    if (!quarantine) {
      const sentRight = verdict === 'AA' && earlier !== undefined ? [earlier] : [];
      return (await openRows(store, sentRight)).map((row) => decision(row, 'taken-in'));
    }
    return [quarantineChange(id, { feed: FEED, at: now, ...quarantine, raw: reference, ...about, state: 'open' })];
  }

  const work = (bytes: Uint8Array, sender: Sender, held?: string): Work => {
    const contentHash = hashOf(bytes);
    const { message, refused } = read(bytes);
    const key = keyOfMessage(message, contentHash);
    const storing: Storing = { isStoring: false, isGivenUp: false };
    return { bytes, contentHash, key, message, refused, sender, ...(held !== undefined && { held }), storing };
  };
  const done = (one: Work) => line(one.key, () => settle(runtime, (isRetry) => attempt(one, isRetry), { isOvertaken }));

  /** The answer that stands in the store; undefined where none does. */
  async function storedOf({ key, contentHash, message }: Work): Promise<Received | undefined> {
    const [kept] = await store.get(messageKind, [key]);
    const { hash, verdict, answer } = (kept?.value ?? {}) as Partial<KeptMessage>;
    if (hash !== contentHash || verdict === undefined) return undefined;
    return { verdict, outcome: 'repeated', type: message?.type ?? '', answer };
  }

  const receive = (bytes: Uint8Array, sender: Sender): Promise<Received> =>
    bytes.length > ALONE ? largeOnes('', () => receiveOne(bytes, sender)) : receiveOne(bytes, sender);

  async function receiveOne(bytes: Uint8Array, sender: Sender): Promise<Received> {
    await turn(bytes, runtime);
    const one = work(bytes, sender);
    await turn(bytes, runtime);
    const type = one.message?.type ?? '';
    try {
      return await inTime(done(one), one.storing, runtime);
    } catch (error) {
      if (isBroken(error)) log.error('an HL7 v2 message could not be stored', error, { type });
      if (one.storing.isStoring) {
        const stored = await storedOf(one);
        if (stored) return stored;
        // AR would say that nothing is stored, and the commit may yet end well.
        if (error instanceof Problem) throw notKnown();
      }
      const remarks = [{ condition: 207, sentence: 'the message was not stored; send it again' }] as const;
      const acknowledge = sender.mustAnswer ? anyAcknowledgement : acknowledgement;
      const answer = acknowledge(one.message, { verdict: 'AR', remarks, id: answerId(), now: runtime.now(), zone });
      return { verdict: 'AR', outcome: 'deferred', type, answer };
    }
  }

  return Object.assign(receive, {
    async again(id: string, bytes: Uint8Array) {
      await done(work(bytes, { address: '', requestId: '', who: `System/${FEED}` }, id));
    },
  });
}

const isStored = (reference: string | undefined): reference is string =>
  reference !== undefined && !reference.startsWith('urn:');

const keyOfRaw = (reference: string) => ({
  type: 'DocumentReference',
  id: reference.slice('DocumentReference/'.length),
});
