/** The one way out: HTTP calls that reach only allowed places, follow nothing, and end in time and size. docs: promises I38, I39 */
import { hash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { Problem, problem } from '../fhir/outcome.ts';
import type { Runtime } from '../runtime.ts';
import { isBlockedAddress } from './addresses.ts';
import { checkEndpoint, hostAndPort, readAllowList } from './endpoint.ts';

export interface Call {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The body instead, where it is no text. */
  readonly bytes?: Uint8Array;
  /** Ends the call early, beside its own time limit. */
  readonly signal?: AbortSignal;
  /** Where an answer may be larger or take longer than most; then all of it is handed back. */
  readonly limits?: CallLimits;
  /** Shown to a server that asks who connects. */
  readonly identity?: Identity;
}

export interface CallLimits {
  /** More is refused with too-long. */
  readonly bytes: number;
  /** Milliseconds to the headers of the answer, and to its last byte. */
  readonly headers: number;
  readonly total: number;
}

/** PEM. */
export interface Identity {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Reply {
  /** Any status that came back; a redirect is not followed and shows as its 3xx. */
  readonly status: number;
  /** Lower-case names; at most 64, never cookies. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 64 KiB as UTF-8 text. */
  readonly body: string;
  /** All of it, of a call with limits of its own. */
  readonly bytes?: Buffer;
}

export interface GuardedClient {
  /** Throws business-rule for a forbidden place, timeout after 15 s or its own limit, too-long beyond that, transient for any other failure. */
  send(call: Call): Promise<Reply>;
  /** The same judgement as at send time, as far as a URL alone allows it: for the day the URL is handed in. */
  check(url: string): Problem | undefined;
  close(): Promise<void>;
}

export interface GuardedClientOptions {
  /** `host:port` that may be reached although private, and over plain http. */
  readonly allow: readonly string[];
  readonly runtime: Runtime;
  /** Addresses behind a name; the system's resolver where left out. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
  /** PEM certificates to trust instead of the public authorities. */
  readonly trust?: string;
  /** Connections to one host at a time, 64 by default: calls that hang there must leave some to the others. */
  readonly connections?: number;
}

/** Milliseconds from the call to the last byte that is read. */
const callLimit = 15_000;
const bodyLimit = 65_536;
const headerLimit = 16_384;
/** The least that comes of a body in so many milliseconds, once the time to its headers is over. */
const pace = { grace: callLimit, every: 10_000, bytes: 10_240 };

/** Certificates of ours that connections are kept for. */
const mostIdentities = 16;

export function guardedClient(options: GuardedClientOptions): GuardedClient {
  const allow = readAllowList(options.allow);
  const nobody = agentFor(undefined);
  const somebody = new Map<string, Agent>();

  function agentFor(identity: Identity | undefined): Agent {
    return new Agent({
      connect: guardedConnect(options, identity),
      connections: options.connections ?? 64,
      pipelining: 1,
      maxHeaderSize: headerLimit,
      keepAliveTimeout: 10_000,
      keepAliveMaxTimeout: 60_000,
      headersTimeout: callLimit,
      bodyTimeout: callLimit,
    });
  }

  /** A connection speaks for one identity: none is lent to a call with another. */
  function agentOf(identity: Identity | undefined): Agent {
    if (identity === undefined) return nobody;
    const name = hash('sha256', JSON.stringify([identity.certificate, identity.privateKey]));
    const known = somebody.get(name);
    if (known) return known;
    const [oldest] = somebody.keys();
    if (oldest !== undefined && somebody.size >= mostIdentities) {
      somebody.get(oldest)!.close();
      somebody.delete(oldest);
    }
    const agent = agentFor(identity);
    somebody.set(name, agent);
    return agent;
  }

  function guardedConnect(
    { trust, resolve = systemResolve }: GuardedClientOptions,
    identity: Identity | undefined,
  ): buildConnector.connector {
    const connect = buildConnector({
      allowH2: false,
      timeout: callLimit,
      ...(trust === undefined ? {} : { ca: trust }),
      ...(identity && { cert: identity.certificate, key: identity.privateKey }),
    });
    return (target, callback) => {
      const host = target.hostname.replace(/^\[|\]$/g, '');
      const free = allow.has(hostAndPort(target));
      addressesOf(host, free, resolve).then(
        // Connecting to the address that was judged, not to the name, leaves a rebinding resolver no second answer.
        (addresses) => connectToFirst(connect, { ...target, servername: isIP(host) ? '' : host }, addresses, callback),
        (error) => callback(error, null),
      );
    };
  }

  return {
    check: (url) => checkEndpoint(url, allow),
    async send(call) {
      const fault = checkEndpoint(call.url, allow);
      if (fault) throw fault;
      const { headers, total } = call.limits ?? { headers: callLimit, total: callLimit };
      const done = new AbortController();
      const late = new AbortController();
      const answered = new AbortController();
      const ends = (after: number, stop: AbortController) =>
        options.runtime.sleep(after, stop.signal).then(() => stop.signal.aborted || late.abort(after));
      ends(total, done);
      if (headers < total) ends(headers, answered);
      const received = { bytes: 0 };
      if (call.limits) demandPace(received, options.runtime, done.signal, late);
      const signal = call.signal ? AbortSignal.any([call.signal, late.signal]) : late.signal;
      try {
        // A reason of ours spares the making of an exception for each call.
        return await exchange(agentOf(call.identity), call, signal, received, () => answered.abort('answered'));
      } catch (error) {
        throw failure(error, late.signal);
      } finally {
        answered.abort('answered');
        done.abort('answered');
      }
    },
    async close() {
      await Promise.all([nobody, ...somebody.values()].map((agent) => agent.destroy()));
    },
  };
}

const systemResolve = async (hostname: string): Promise<readonly string[]> =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** One forbidden address among several is enough to refuse: an honest public name has none. */
async function addressesOf(
  host: string,
  free: boolean,
  resolve: (hostname: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const addresses = isIP(host) ? [host] : await resolve(host);
  if (!free && addresses.some(isBlockedAddress)) throw blockedAddress();
  return addresses;
}

const blockedAddress = (): Problem => problem('business-rule', 'The endpoint is at an address that is not public');

function connectToFirst(
  connect: buildConnector.connector,
  target: buildConnector.Options,
  [address, ...others]: readonly string[],
  callback: buildConnector.Callback,
): void {
  if (address === undefined) {
    callback(new Error('no address'), null);
    return;
  }
  connect({ ...target, hostname: address }, (error, socket) => {
    if (error === null) callback(null, socket);
    else if (others.length > 0) connectToFirst(connect, target, others, callback);
    else callback(error, null);
  });
}

/** Ends a body that is dripped: one byte a second would hold a place for as long as the whole call may take. */
async function demandPace(
  received: { readonly bytes: number },
  { sleep }: Pick<Runtime, 'sleep'>,
  done: AbortSignal,
  late: AbortController,
): Promise<void> {
  await sleep(pace.grace, done);
  while (!done.aborted && !late.signal.aborted) {
    const before = received.bytes;
    await sleep(pace.every, done);
    if (!done.aborted && received.bytes - before < pace.bytes) late.abort('too slow');
  }
}

async function exchange(
  agent: Agent,
  call: Call,
  signal: AbortSignal,
  received: { bytes: number },
  onHeaders: () => void,
): Promise<Reply> {
  const { limits } = call;
  const url = new URL(call.url);
  const { statusCode, headers, body } = await agent.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: call.method,
    headers: { ...call.headers },
    body: call.bytes ?? call.body,
    signal,
    ...(limits && { headersTimeout: limits.headers, bodyTimeout: limits.total }),
  });
  onHeaders();
  const chunks: Buffer[] = [];
  // Leaving the loop early destroys the stream and with it the connection: what is not read is not wanted.
  for await (const chunk of body) {
    chunks.push(chunk);
    received.bytes += chunk.length;
    if (limits ? received.bytes > limits.bytes : received.bytes >= bodyLimit) break;
  }
  if (limits && received.bytes > limits.bytes)
    throw problem('too-long', `The endpoint answered with more than ${limits.bytes} bytes`);
  const bytes = Buffer.concat(chunks);
  return {
    status: statusCode,
    headers: plainHeaders(headers),
    body: bytes.subarray(0, bodyLimit).toString('utf8'),
    ...(limits && { bytes }),
  };
}

function plainHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const plain: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers).slice(0, 64)) {
    if (name !== 'set-cookie' && value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return plain;
}

/** A sentence about the class of the failure; system texts name addresses and are left out. */
function failure(error: unknown, late: AbortSignal): Problem {
  if (late.reason === 'too slow') return problem('timeout', 'The endpoint sends its answer too slowly');
  if (late.aborted) return problem('timeout', `The endpoint did not answer within ${late.reason / 1000} seconds`);
  if (error instanceof Problem) return error;
  const code = (error as { code?: unknown } | undefined)?.code;
  const known = typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? ` (${code})` : '';
  return problem('transient', `The endpoint could not be reached or broke off${known}`);
}
