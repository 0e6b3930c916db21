/** `GET /events?topics=device-alert,...`: live events for pages and apps, resumable. docs/live-events.md, https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { IncomingMessage } from 'node:http';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { problem } from '../../fhir/outcome.ts';
import { visitOf } from '../../http/app.ts';
import { addressOf } from '../../http/incoming.ts';
import { securityHeaders } from '../../http/respond.ts';
import type { Caller } from '../../interactions/interaction.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import type { Criterion } from '../../search/query.ts';
import type { Engine } from '../../store/engine.ts';
import type { Token } from '../../store/store.ts';
import { parseCriteria } from '../../subscriptions/criteria.ts';
import { createCatchUp } from './catch-up.ts';
import { createReader, type Place } from './reader.ts';
import { createStream, type Stream } from './stream.ts';
import { readTopics } from './topics.ts';

export interface LiveParts {
  readonly store: Engine;
  readonly runtime: Runtime;
  readonly base: string;
  readonly canonical: string;
  readonly log: Pick<Log, 'error'>;
  readonly signal: AbortSignal;
  /** Who a request comes from, asked again and again while its stream is open: see `again`. */
  readonly again: (authorization: string | undefined, source: string, request: IncomingMessage) => Promise<Caller>;
}

export interface Live {
  readonly room: RequestHandler;
  /** Ends every stream, and opens no more. */
  close(): void;
  readonly stopped: Promise<void>;
}

/** Open streams of this server, and of one caller. */
const MOST = 1_000;
const MOST_OF_CALLER = 250;
/** Milliseconds between two signs of life, so that a page knows within five seconds that it hears nothing. */
const BEAT = 2_000;
/** After so many milliseconds a browser comes back. */
const RETRY = 2_000;
/** Milliseconds that the reader may be behind whoever catches up. */
const LAG = 30_000;
/** Places that are held while somebody catches up. */
const MOST_HELD = 5_000;

const headers = {
  ...securityHeaders,
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store, no-transform',
  // Proxies of the nginx family would hold events back.
  'X-Accel-Buffering': 'no',
};

export function createLive(parts: LiveParts): Live {
  const { store, runtime, base, log, signal, again } = parts;
  const topics = readTopics(parts.canonical, base);
  const reader = createReader({ store, topics, base, runtime, log, signal });
  const catchUp = createCatchUp({ reader, contents: store.contents, runtime });
  const open = new Map<Stream, string>();
  /** Those that are told what they missed: a beat says that this is over. */
  const behind = new Set<Stream>();
  let isClosing = false;
  let beating: Promise<void> | undefined;

  async function beat(): Promise<void> {
    while (!signal.aborted) {
      await runtime.sleep(BEAT, signal);
      for (const stream of open.keys()) if (!behind.has(stream)) stream.beat(reader.position());
    }
  }

  function demandRoom({ who }: Caller): void {
    if (isClosing || signal.aborted)
      throw problem('transient', 'the server is stopping', { headers: { 'Retry-After': '1' } });
    const own = [...open.values()].filter((one) => one === who).length;
    if (open.size >= MOST || own >= MOST_OF_CALLER)
      throw problem('throttled', 'too many streams of events are open', { headers: { 'Retry-After': '5' } });
  }

  function askedIn(request: Request) {
    const asked = new URLSearchParams(request.originalUrl.split('?')[1] ?? '');
    for (const name of asked.keys()) {
      if (!['topics', 'patient', 'after'].includes(name) || asked.getAll(name).length > 1)
        throw problem('invalid', 'events are asked for by topics, patient and after, each once');
    }
    const names = new Set((asked.get('topics') ?? '').split(',').filter((name) => name !== ''));
    const known = topics.names.join(', ');
    if (names.size === 0) throw problem('required', `topics is needed: some of ${known}`);
    for (const name of names) {
      // Not repeated: whoever typed it sees it in the address.
      if (!topics.names.includes(name)) throw problem('value', `a topic is unknown; known are ${known}`);
    }
    const patient = asked.get('patient')?.replace(/^Patient\//, '');
    if (patient !== undefined && !/^[A-Za-z0-9\-.]{1,64}$/.test(patient))
      throw problem('value', 'patient must be the id of a Patient');
    const sent = request.headers['last-event-id'];
    const after = (typeof sent === 'string' ? sent : undefined) || asked.get('after') || undefined;
    if (after !== undefined && !/^[\x20-\x7e]{1,500}$/.test(after))
      throw problem('value', 'the id of the last event is none of ours');
    return { names, patient, after };
  }

  /** What is asked of a resource of each type so that it is about the patient. */
  function aboutPatient(names: ReadonlySet<string>, patient: string | undefined): ReadonlyMap<string, Criterion> {
    if (patient === undefined) return new Map();
    const types = new Set([...names].flatMap(topics.typesOf));
    return new Map([...types].map((type) => [type, parseCriteria(`${type}?patient=Patient/${patient}`, base).where]));
  }

  async function enter(request: Request, response: Response): Promise<void> {
    const { caller, requestId, record } = visitOf(response);
    if (caller.who === 'anonymous')
      throw problem('login', 'sign in, or come with a token', {
        headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' },
      });
    const { names, patient, after } = askedIn(request);
    const types = [...new Set([...names].flatMap(topics.typesOf))];
    if (!types.some((type) => caller.access.permits('read', type)))
      throw problem('forbidden', 'none of these topics may be read with these rights');
    demandRoom(caller);
    await reader.start();
    beating ??= beat();
    await record({
      interaction: 'events',
      action: 'R',
      status: 200,
      query: `topics=${[...names].join(',')}`,
      ...(patient !== undefined && { target: `Patient/${patient}`, patients: `Patient/${patient}` }),
    });
    // Whoever went meanwhile needs no stream.
    if (response.destroyed) return;
    demandRoom(caller);
    const { authorization } = request.headers;
    const source = addressOf(request);
    const gone = new AbortController();
    const stream = createStream({
      response,
      topics: names,
      where: aboutPatient(names, patient),
      caller: () => again(authorization, source, request),
      runtime,
      signal: gone.signal,
    });
    open.set(stream, caller.who);
    response.writeHead(200, { ...headers, 'X-Request-Id': requestId });
    response.write(`retry: ${RETRY}\nid: ${after ?? reader.position()}\n\n`);
    const leave = joinFrom(after, stream, gone.signal);
    response.on('close', () => {
      gone.abort();
      leave();
      open.delete(stream);
    });
  }

  /** What was missed comes first; what happens meanwhile is held, and what is in both is told once. */
  function joinFrom(after: Token | undefined, stream: Stream, gone: AbortSignal): () => void {
    if (after === undefined) {
      stream.beat(reader.position());
      return reader.join(stream.take);
    }
    behind.add(stream);
    let held: Place[] | undefined = [];
    let isTooMuch = false;
    /** The one reader may come by there later than whoever caught up. */
    const told = new Set<string>();
    const heed = (place: Place) => {
      if (!told.delete(place.name)) stream.take(place);
    };
    const leave = reader.join((place) => {
      if (!held) return heed(place);
      if (place.happenings.length === 0 || isTooMuch) return;
      isTooMuch = held.push(place) > MOST_HELD;
    });
    const take = (place: Place) => {
      if (place.happenings.length > 0) told.add(place.name);
      stream.take(place);
    };
    void catchUp(after, gone, take).then(async (isWhole) => {
      behind.delete(stream);
      if (gone.aborted) return;
      const meanwhile = held ?? [];
      held = undefined;
      if (!isWhole || isTooMuch) stream.reset(reader.position());
      else for (const place of meanwhile) heed(place);
      // All before it was missed; what comes after it is new. Where the reader is may be before what was told.
      stream.beat(undefined);
      await runtime.sleep(LAG, gone);
      told.clear();
    });
    return leave;
  }

  const router = Router({ caseSensitive: true });
  router.get('/', enter);
  router.all('/', () => {
    throw problem('not-supported', '/events takes GET', { status: 405, headers: { Allow: 'GET' } });
  });

  return {
    room: router,
    close() {
      isClosing = true;
      for (const stream of open.keys()) stream.end('stopping');
    },
    get stopped() {
      return Promise.all([reader.stopped, beating]).then(() => undefined);
    },
  };
}
