/** HL7 v2 on one page: what receives messages, by whichever door they come, where it listens, and what is counted of it. docs/hl7v2.md */
import type { Config } from '../../../config.ts';
import type { Log } from '../../../log.ts';
import type { Measure, Values } from '../../../measure.ts';
import type { Runtime } from '../../../runtime.ts';
import type { Look, Store } from '../../../store/store.ts';
import type { TakeIn } from '../../intake/take-in.ts';
import { createTally, type Tallied } from '../../tally.ts';
import { anyAcknowledgement, type Verdict } from './acknowledge.ts';
import { batchOf, MOST_MESSAGES, messagesIn } from './batches.ts';
import type { FramingFault } from './frames.ts';
import { listenMllp } from './listener.ts';
import { parseMessage } from './message.ts';
import { createPermits } from './permits.ts';
import { createReceive, FEED, type Outcome, type ReceiveRoom } from './receive.ts';
import type { Sender } from './trail.ts';

/** Messages above 256 KiB that are held at the same time, over all connections: 20 MiB each, and several copies while they are mapped. */
const LARGE_AT_ONCE = 3;

export interface Hl7v2Parts {
  readonly store: Look & Pick<Store, 'commit'>;
  readonly takeIn: TakeIn;
  readonly runtime: Runtime;
  readonly config: Pick<
    Config,
    'host' | 'canonical' | 'mllpPort' | 'mllpCertificate' | 'mllpKey' | 'mllpClientAuthority' | 'mllpZone'
  >;
  readonly base: string;
  readonly log: Pick<Log, 'error' | 'warn' | 'info'>;
  readonly signal: AbortSignal;
  /** It is here for one command: nothing is listened for. */
  readonly isBrief: boolean;
  readonly map: ReceiveRoom['map'];
}

export interface ReceivedAll {
  /** The worst of all. */
  readonly verdict: Verdict;
  readonly isUnreadable: boolean;
  /** One message, or a batch of them; undefined where no answer is wished. */
  readonly answer: string | undefined;
}

export interface Hl7v2 {
  /** One message or several in one piece, one after another. Throws like `Receive`. */
  receiveAll(bytes: Uint8Array, sender: Sender): Promise<ReceivedAll>;
  /** See `Receive`. */
  again(id: string, bytes: Uint8Array): Promise<void>;
  /** Of MLLP; undefined where it is off. */
  readonly port: number | undefined;
  readonly measures: readonly Measure<Values>[];
  readonly tallied: () => Tallied;
  readonly connections: () => number;
  readonly stopped: Promise<unknown>;
}

/** Of MSH-9.1; what else comes is one class, so that senders make no labels. */
const classes = ['ORU', 'ADT', 'MDM', 'SIU', 'ORM', 'ACK'];

const severity: Readonly<Record<Verdict, number>> = { AA: 0, AE: 1, AR: 2 };

function createCounts() {
  const messages = new Map<string, { labels: { type: string; outcome: Outcome }; value: number }>();
  const faults = new Map<FramingFault, number>();
  const sums = { dropped: 0, waiting: 0 };
  return {
    sums,
    message(type: string, outcome: Outcome): void {
      const labels = { type: classes.includes(type) ? type : 'other', outcome };
      const key = `${labels.type} ${outcome}`;
      messages.set(key, { labels, value: (messages.get(key)?.value ?? 0) + 1 });
    },
    fault: (fault: FramingFault): void => void faults.set(fault, (faults.get(fault) ?? 0) + 1),
    measures: (connections: () => number): readonly Measure<Values>[] => [
      {
        name: 'hl7v2_messages',
        help: 'HL7 v2 messages by type and by what became of them.',
        kind: 'counter',
        labels: ['type', 'outcome'],
        read: () => [...messages.values()],
      },
      {
        name: 'mllp_framing_faults',
        help: 'What came by MLLP and was no message in a frame.',
        kind: 'counter',
        labels: ['fault'],
        read: () => [...faults].map(([fault, value]) => ({ labels: { fault }, value })),
      },
      {
        name: 'mllp_dropped_bytes',
        help: 'Bytes that stood in no frame.',
        kind: 'counter',
        labels: [],
        read: () => [{ labels: {}, value: sums.dropped }],
      },
      {
        name: 'mllp_connections',
        help: 'Connections of senders that are open.',
        kind: 'gauge',
        labels: [],
        read: () => [{ labels: {}, value: connections() }],
      },
      {
        name: 'mllp_waiting_bytes',
        help: 'Bytes of messages that are not whole yet or not looked at yet.',
        kind: 'gauge',
        labels: [],
        read: () => [{ labels: {}, value: sums.waiting }],
      },
    ],
  };
}

/** Rejects with a ConfigError where MLLP is to be listened for and cannot be. */
export async function openHl7v2(parts: Hl7v2Parts): Promise<Hl7v2> {
  const { store, takeIn, runtime, config, base, log, signal, isBrief, map } = parts;
  const { canonical, host, mllpPort, mllpCertificate, mllpKey, mllpClientAuthority, mllpZone: zone } = config;
  const receive = createReceive({ store, takeIn, map, runtime, canonical, base, zone, log });
  const counts = createCounts();

  const tally = createTally(runtime.now);
  function count(outcome: Outcome): void {
    if (outcome === 'accepted' || outcome === 'corrected') tally.took();
    else if (outcome === 'repeated') tally.took(1);
    else tally.refused(outcome);
  }

  const answerId = () => Buffer.from(runtime.random(10)).toString('hex');

  async function receiveAll(bytes: Uint8Array, sender: Sender): Promise<ReceivedAll> {
    const messages = messagesIn(bytes);
    if (messages.length > MOST_MESSAGES) {
      const remarks = [{ condition: 100, sentence: `a batch may have ${MOST_MESSAGES} messages` }] as const;
      const answer = anyAcknowledgement(undefined, {
        verdict: 'AE',
        remarks,
        id: answerId(),
        now: runtime.now(),
        zone,
      });
      return { verdict: 'AE', isUnreadable: true, answer };
    }
    const answers: string[] = [];
    let verdict: Verdict = 'AA';
    let isUnreadable = false;
    for (const message of messages) {
      const received = await receive(message, sender);
      counts.message(received.type, received.outcome);
      count(received.outcome);
      if (severity[received.verdict] > severity[verdict]) verdict = received.verdict;
      isUnreadable ||= received.outcome === 'unreadable';
      if (received.answer !== undefined) answers.push(received.answer);
    }
    const answer = messages.length > 1 && answers.length > 0 ? batchOf(answers) : answers[0];
    return { verdict, isUnreadable, answer };
  }

  /** To a message that never became whole, as far as its header is there. */
  function refuse(fault: FramingFault, head: Buffer): string {
    const sentence =
      fault === 'too long' ? 'a message may have 20 MiB' : 'the message did not end as MLLP says; send it again';
    const remarks = [{ condition: 100, sentence }] as const;
    const id = answerId();
    let message: ReturnType<typeof parseMessage> | undefined;
    try {
      message = parseMessage(head);
    } catch {
      message = undefined;
    }
    return anyAcknowledgement(message, { verdict: 'AR', remarks, id, now: runtime.now(), zone });
  }

  const listening = mllpPort === undefined || isBrief ? undefined : await listen(mllpPort);
  async function listen(port: number) {
    const listener = await listenMllp(
      { port, host, certificate: mllpCertificate, key: mllpKey, authority: mllpClientAuthority, signal, runtime },
      {
        receive: async (bytes, address) =>
          (await receiveAll(bytes, { address, requestId: '', who: `System/${FEED}` })).answer,
        refuse,
        onFault: counts.fault,
        onDropped: (bytes) => {
          counts.sums.dropped += bytes;
        },
        onWaiting: (bytes) => {
          counts.sums.waiting += bytes;
        },
        permits: createPermits(LARGE_AT_ONCE),
      },
    );
    log.info('mllp listening', { port: listener.port });
    return listener;
  }

  const connections = () => listening?.connections() ?? 0;
  return {
    receiveAll,
    again: receive.again,
    port: listening?.port,
    measures: counts.measures(connections),
    tallied: tally.read,
    connections,
    stopped: listening?.stopped ?? Promise.resolve(),
  };
}
