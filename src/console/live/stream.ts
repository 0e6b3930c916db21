/** One open stream of events: what its caller may see at the moment, in order, vital signs at most four times a second for each device. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { ServerResponse } from 'node:http';
import { Problem } from '../../fhir/outcome.ts';
import { asksHidden } from '../../interactions/hidden.ts';
import type { Access, Caller } from '../../interactions/interaction.ts';
import type { Runtime } from '../../runtime.ts';
import { extract } from '../../search/extract.ts';
import { surelyMatches } from '../../search/match.ts';
import { type Criterion, plainQuery } from '../../search/query.ts';
import type { Token } from '../../store/store.ts';
import type { Happening, Place } from './reader.ts';

/** Why a stream is over: a page that is told so asks anew, or lets somebody sign in. */
export type Over = 'signed-out' | 'stopping';

export interface StreamParts {
  readonly response: Pick<ServerResponse, 'write' | 'end' | 'destroy' | 'destroyed' | 'once' | 'off'>;
  readonly topics: ReadonlySet<string>;
  /** By type, what else is asked of a resource: that it is about one patient. */
  readonly where: ReadonlyMap<string, Criterion>;
  /** Who it is now; throws once that is nobody. Asked again for every event, so it has to be cheap. */
  readonly caller: () => Promise<Caller>;
  readonly runtime: Pick<Runtime, 'sleep'>;
  readonly signal: AbortSignal;
}

export interface Stream {
  /** Hands over what was read. A stream that cannot keep up is cut. */
  take(place: Place): void;
  /** Says where the log is, so that whoever comes back later begins there. */
  beat(position: Token | undefined): void;
  reset(position: Token): void;
  end(why: Over): void;
}

/** Milliseconds for which a reader may take nothing, and places that it may be behind. The browser comes back and is told what it missed. */
const STALLED = 5_000;
const MOST_PLACES = 10_000;
/** Milliseconds in which a device is heard of once, but for the first time. */
const PERIOD = 250;
/** Characters of a resource that is sent along; of a larger one the reference alone. */
const MOST_RESOURCE = 8_192;
const COALESCED = 'vital-sign-recorded';

type Step = { readonly place: Place } | { readonly beat: Token | undefined } | { readonly tick: true };

export function createStream(parts: StreamParts): Stream {
  const { response, topics, where, caller, runtime, signal } = parts;
  const steps: Step[] = [];
  let isWorking = false;
  let isOver = false;
  /** Devices heard of in this period, and what came since: the newest of each vital sign. */
  const heard = new Set<string>();
  const waiting = new Map<string, Map<string, Happening>>();
  let isTicking = false;
  let beats = 0;

  /** Resolves when there is room for more: what is not sent yet waits in `steps`, which all streams share. */
  async function write(text: string): Promise<void> {
    if (isOver || response.destroyed || response.write(text)) return;
    const drained = new AbortController();
    const wake = () => drained.abort();
    response.once('drain', wake).once('close', wake);
    await runtime.sleep(STALLED, AbortSignal.any([signal, drained.signal]));
    response.off('drain', wake).off('close', wake);
    if (!drained.signal.aborted) cut();
  }
  function cut(): void {
    isOver = true;
    response.destroy();
  }
  function end(why: Over): void {
    if (isOver) return;
    isOver = true;
    response.end(`event: end\ndata: ${JSON.stringify({ why })}\n\n`);
  }

  function add(step: Step): void {
    if (isOver) return;
    if (steps.length >= MOST_PLACES) cut();
    else steps.push(step);
    if (!isWorking) void work();
  }

  /** One step after the other: rights are asked in between, and order is kept. */
  async function work(): Promise<void> {
    isWorking = true;
    try {
      for (let step = steps.shift(); step && !isOver && !signal.aborted; step = steps.shift()) {
        if ('place' in step) for (const happening of step.place.happenings) await heed(happening);
        else if ('beat' in step) {
          await sendWaiting();
          // Asked also where nothing happens: a page is to know that it is signed out.
          if (beats++ % 2 === 0) await caller();
          await write(`${step.beat === undefined ? '' : `id: ${step.beat}\n`}event: beat\ndata: {}\n\n`);
        } else await tick();
      }
    } catch (error) {
      // What broke is tried again: the browser comes back and begins where it was.
      if (error instanceof Problem && error.status === 401) end('signed-out');
      else cut();
    } finally {
      isWorking = false;
    }
  }

  async function heed(happening: Happening): Promise<void> {
    if (!topics.has(happening.trigger.topic)) return;
    const device = happening.trigger.topic === COALESCED ? happening.resource.device?.reference : undefined;
    if (device === undefined) {
      // What it would overtake goes first, as ids only rise.
      await sendWaiting();
      return send(happening);
    }
    startTicking();
    if (!heard.has(device)) {
      heard.add(device);
      return send(happening);
    }
    const ofDevice = waiting.get(device) ?? new Map<string, Happening>();
    const what = JSON.stringify(happening.resource.code?.coding?.map(({ code }: { code?: string }) => code) ?? '');
    ofDevice.delete(what);
    waiting.set(device, ofDevice.set(what, happening));
  }

  function startTicking(): void {
    if (isTicking) return;
    isTicking = true;
    void runtime.sleep(PERIOD, signal).then(() => {
      isTicking = false;
      add({ tick: true });
    });
  }

  async function tick(): Promise<void> {
    heard.clear();
    for (const device of waiting.keys()) heard.add(device);
    if (heard.size > 0) startTicking();
    await sendWaiting();
  }

  async function sendWaiting(): Promise<void> {
    if (waiting.size === 0) return;
    const all = [...waiting.values()].flatMap((ofDevice) => [...ofDevice.values()]);
    waiting.clear();
    for (const happening of all) await send(happening);
  }

  async function send(happening: Happening): Promise<void> {
    const { trigger, key, lastUpdated, resource } = happening;
    const { access } = await caller();
    if (!access.permits('read', key.type) || isHidden(happening, access)) return;
    const asked = where.get(key.type);
    if (asked && !surelyMatches(asked, extract(resource), key, lastUpdated)) return;
    if (!access.unrestricted && !(await access.sees(resource))) return;
    await write(`id: ${happening.token}\nevent: ${trigger.topic}\ndata: ${dataOf(happening, access)}\n\n`);
  }

  return {
    take: (place) => {
      if (place.happenings.length > 0) add({ place });
    },
    beat: (position) => add({ beat: position }),
    reset(position) {
      // What is still to be told is among all that is asked for now.
      steps.length = 0;
      waiting.clear();
      void write(`id: ${position}\nevent: reset\ndata: {}\n\n`);
    },
    end,
  };
}

/** Whoever may not see an element is not told of what happens by it. */
const isHidden = ({ trigger, key }: Happening, access: Access): boolean =>
  [trigger.current, trigger.previous].some(
    (criterion) => criterion !== undefined && asksHidden(plainQuery(key.type, criterion), access),
  );

const patientOf = ({ subject, patient, for: beneficiary }: any): string | undefined =>
  [subject, patient, beneficiary]
    .map((one) => one?.reference as string | undefined)
    .find((reference) => reference?.startsWith('Patient/'));

/** Most callers are shown all of it: then it is written once for all streams. */
const written = new WeakMap<Happening, string>();

/** Enough for a row: what, which, whose, and the resource as the caller may see it where that is small. */
function dataOf(happening: Happening, access: Access): string {
  const { text, isDeleted, resource } = happening;
  if (isDeleted) return headOf(happening, {}, { deleted: true });
  const shown = access.shows(text);
  if (shown !== text) return withResource(headOf(happening, JSON.parse(shown)), shown);
  const known = written.get(happening) ?? withResource(headOf(happening, resource), text);
  written.set(happening, known);
  return known;
}

/** `seen` is what is shown of the resource: hidden elements say nothing here either. */
const headOf = ({ trigger, key, versionId, lastUpdated }: Happening, seen: object, more: object = {}): string =>
  JSON.stringify({
    topic: trigger.topic,
    reference: `${key.type}/${key.id}`,
    versionId: String(versionId),
    at: new Date(lastUpdated).toISOString(),
    patient: patientOf(seen),
    ...more,
  });

/** The stored text as it is: numbers keep their digits. */
const withResource = (head: string, text: string): string =>
  text.length > MOST_RESOURCE ? head : `${head.slice(0, -1)},"resource":${text}}`;
