/** A simulated maker as a server on the loopback: OAuth, pages, limits, faults, and the truth for tests. docs/simulators.md */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Runtime, systemRuntime } from '../../runtime.ts';
import { createCast, type State, stateNamed } from './cast.ts';
import { dialects, type MakerName } from './dialects.ts';
import { createSwitches, type FaultName, faultNames, parseFault } from './faults.ts';
import { type Acknowledgement, createPages, deviceOfAlert, type Reply } from './pages.ts';
import { bodyOf, fieldsOf, routed } from './request.ts';
import { createSpoiling, sendSpoiled } from './spoil.ts';
import { createTimeline, type Done } from './timeline.ts';
import { createTokens, demo, type Environment } from './tokens.ts';
import { tellTransmission } from './transmission.ts';
import { type Truth, tellTruth } from './truth.ts';

export interface MakerOptions {
  readonly maker: MakerName;
  /** 0 for any that is free. */
  readonly port?: number;
  readonly seed?: number;
  readonly runtime?: Runtime;
  /** `name` or `name:every`, on from the first reading on. */
  readonly faults?: readonly string[];
  /** Generated patients beside those that are written. */
  readonly devices?: number;
  /** Divides the time between two transmissions. */
  readonly speed?: number;
  /** Hours of readings that there are at the start; divided by the speed as well. */
  readonly history?: number;
  /** Requests a minute; 600 and ten for each generated patient where left out. */
  readonly perMinute?: number;
  /** How callers show who they are: a token, or the key of the API alone. */
  readonly auth?: 'token' | 'api-key';
  /** PEM or JWK with which assertions of private_key_jwt are checked. */
  readonly publicKey?: string;
  /** PEM; a `ca` asks callers for certificates of its own (mutual TLS). */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
}

export interface MakerSimulator {
  /** The base URL of the production environment; `/sandbox` below it is the other one. */
  readonly url: string;
  truth(): Truth;
  /** Switches a fault on, for what happens from now on, or off again; off all of them without a name. */
  setFault(fault?: string, isOn?: boolean): void;
  /** As somebody at the maker's own portal would: news for every client. */
  acknowledge(alert: string, by: string): void;
  /** The device is in this state from now on, whatever its script says. */
  setState(device: string, state: State): void;
  /** What was asked so far. */
  counts(): { readonly requests: number; readonly tokens: number; readonly limited: number };
  quota(): { readonly limit: number; readonly remaining: number };
  stop(): Promise<void>;
}

const HOUR = 3_600_000;

export async function startMakerSimulator(options: MakerOptions): Promise<MakerSimulator> {
  const { maker, port = 0, seed = 1, runtime = systemRuntime, devices = 0, speed = 1, history = 48, tls } = options;
  const dialect = dialects[maker];
  const switches = createSwitches();
  const begins = runtime.now() - (history * HOUR) / speed;
  for (const text of options.faults ?? []) {
    const fault = parseFault(text);
    // Somebody must have seen the device with its first patient.
    switches.on(fault, fault.name === 'reassigned-device' ? runtime.now() + (2 * HOUR) / speed : begins);
  }
  const cast = createCast(dialect.house, seed, devices, speed);
  const done = new Map<string, Done[]>();
  const timeline = createTimeline({ seed, cast, begins, switches, done });
  const acknowledged = new Map<string, Acknowledgement>();
  const transmission = (id: string, format: string, now: number) =>
    tellTransmission(timeline.transmission(id, now), dialect, cast, format, now);
  const pages = createPages({ dialect, cast, timeline, seed, begins, acknowledged, transmission });
  const tokens = createTokens({
    runtime,
    scopes: dialect.scopes,
    publicKey: options.publicKey,
    tokenPath: dialect.tokenPath,
  });
  const spoiling = createSpoiling(switches);
  const limit = options.perMinute ?? 600 + 10 * devices;
  const used = { minute: 0, requests: 0 };
  const counts = { requests: 0, limited: 0 };
  const truth = () =>
    tellTruth({ cast, timeline, dialect, begins, acknowledgedBy: (id) => acknowledged.get(id)?.by }, runtime.now());
  const setFault = (text?: string, isOn = true) => {
    if (text === undefined) switches.off(undefined, runtime.now());
    else if (isOn) switches.on(parseFault(text), runtime.now());
    else switches.off(parseFault(text).name, runtime.now());
  };

  const did = (device: string, state?: State) => {
    done.set(device, [...(done.get(device) ?? []), { at: runtime.now(), state }]);
  };
  const acknowledge = (alert: string, by: string) => {
    acknowledged.set(alert, { by, at: runtime.now() });
    did(deviceOfAlert(alert));
  };

  const refused = (status: number, code: string, text: string, headers?: Reply['headers']): Reply => ({
    status,
    body: dialect.error(code, text),
    headers,
  });

  /** Counts the call; the seconds until the minute is over are told with every answer. */
  function metered(now: number): {
    readonly headers: Record<string, string>;
    readonly isOver: boolean;
    readonly reset: number;
  } {
    const minute = Math.floor(now / 60_000);
    if (used.minute !== minute) Object.assign(used, { minute, requests: 0 });
    used.requests++;
    const reset = Math.ceil(((minute + 1) * 60_000 - now) / 1_000);
    const remaining = Math.max(0, limit - used.requests);
    return {
      headers: { 'RateLimit-Limit': `${limit}`, 'RateLimit-Remaining': `${remaining}`, 'RateLimit-Reset': `${reset}` },
      isOver: used.requests > limit,
      reset,
    };
  }

  /** Who asks may ask; otherwise what they are told. */
  function barred(request: IncomingMessage, environment: Environment, scope: string): Reply | undefined {
    const hasKey = request.headers[dialect.keyHeader.toLowerCase()] === demo.key;
    if (options.auth === 'api-key')
      return hasKey ? undefined : refused(401, 'invalid_key', 'the API key is missing or wrong');
    const token = tokens.find(request.headers.authorization);
    const invalid = (text: string) =>
      refused(401, 'invalid_token', text, { 'WWW-Authenticate': 'Bearer error="invalid_token"' });
    if (!token) return invalid('the token is not known or has expired');
    if (token.environment !== environment) return invalid(`the token is of the ${token.environment} environment`);
    if (token.needsKey && !hasKey) return refused(403, 'invalid_key', 'the API key is missing or wrong');
    if (token.scopes.includes(scope)) return undefined;
    return refused(403, 'insufficient_scope', `the token lacks the scope ${scope}`, {
      'WWW-Authenticate': `Bearer error="insufficient_scope", scope="${scope}"`,
    });
  }

  /** Faults that answer in place of the page; `undefined` where the page is answered. */
  function struck(happening: ReadonlySet<FaultName>, request: IncomingMessage, at: number): Reply | undefined {
    const later = (seconds: number) => ({ 'Retry-After': String(seconds) });
    const has = (name: FaultName) => happening.has(name);
    if (has('token-revoked') || has('expired-mid-page')) tokens.revoke(request.headers.authorization);
    if (has('server-error') || has('server-errors')) return refused(500, 'server_error', 'something went wrong');
    if (has('maintenance')) return refused(503, 'maintenance', 'back in a second', later(1));
    if (has('too-many-requests')) return refused(429, 'rate_limited', 'too many requests', later(1));
    if (has('too-many-requests-date'))
      return refused(429, 'rate_limited', 'too many requests', { 'Retry-After': new Date(at + 1_000).toUTCString() });
    if (has('cursor-expired')) return refused(410, 'cursor_expired', 'begin again without a cursor');
    return undefined;
  }

  function controlled(method: string, path: string, text: string): Reply | undefined {
    if (path === '/__truth') return { status: 200, body: truth() };
    if (path === '/status') return { status: 200, body: { status: 'UP', maker, quota: quota() } };
    if (!['/__fault', '/__state', '/__acknowledge'].includes(path) || method !== 'POST') return undefined;
    const told = fieldsOf(text, 'json') as { fault?: string; on?: boolean; [name: string]: unknown };
    try {
      if (path === '/__fault') setFault(told.fault, told.on ?? true);
      else if (path === '/__state') did(String(told['device']), stateNamed(told['state']));
      else acknowledge(String(told['alert']), String(told['by'] ?? 'portal'));
    } catch (error) {
      return refused(400, 'invalid_request', (error as Error).message);
    }
    return { status: 200, body: { faults: switches.all().filter(({ until }) => until > runtime.now()) } };
  }

  const quota = () => {
    const isCurrent = used.minute === Math.floor(runtime.now() / 60_000);
    return { limit, remaining: Math.max(0, limit - (isCurrent ? used.requests : 0)) };
  };

  async function handle(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const now = runtime.now();
    const { method = 'GET', headers } = request;
    const url = new URL(request.url ?? '/', 'http://simulator');
    const [, place, path = '/'] = /^(?:\/(sandbox|production))?(\/.*)$/.exec(url.pathname) ?? [];
    const stated = place ?? headers['x-environment'];
    const environment: Environment = stated === 'sandbox' ? 'sandbox' : 'production';
    const text = await bodyOf(request);
    const contentType = headers['content-type'] ?? '';
    const send = (
      { status, body, headers: more = {}, contentType: type = 'application/json' }: Reply,
      happening: ReadonlySet<FaultName>,
    ) => {
      const skew = happening.has('clock-ahead') ? 600_000 : happening.has('clock-behind') ? -600_000 : 0;
      answer.statusCode = status;
      answer.setHeader('Date', new Date(now + skew).toUTCString());
      for (const [name, value] of Object.entries(more)) answer.setHeader(name, value);
      sendSpoiled(
        answer,
        typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body),
        type,
        happening,
      );
    };
    const none: ReadonlySet<FaultName> = new Set();
    const control = controlled(method, path, text);
    if (control) return send(control, none);

    counts.requests++;
    const forced = new Set(
      String(headers['x-sim-fault'] ?? '')
        .split(',')
        .map((name) => name.trim() as FaultName)
        .filter((name) => faultNames.includes(name)),
    );
    const found = routed(dialect, method, path);
    const happening = spoiling.of(
      {
        isResource: found !== undefined,
        isAcknowledgement: found?.endpoint === 'acknowledge',
        isFollowing: found !== undefined && url.searchParams.has(dialect.cursorName),
        forced,
      },
      now,
    );
    if (happening.has('no-answer')) return;
    if (path === dialect.tokenPath && method === 'POST') {
      const { status, body, challenge } = tokens.grant({
        fields: fieldsOf(text, contentType),
        authorization: headers.authorization,
        key: headers[dialect.keyHeader.toLowerCase()] as string | undefined,
        hasCertificate: (request.socket as { authorized?: boolean }).authorized === true,
        environment,
      });
      const more = challenge ? { 'WWW-Authenticate': challenge } : undefined;
      return send({ status, body, headers: { 'Cache-Control': 'no-store', ...more } }, happening);
    }
    const { headers: rate, isOver, reset } = metered(now);
    const skewed = now + (happening.has('clock-ahead') ? 600_000 : happening.has('clock-behind') ? -600_000 : 0);
    const reply = (): Reply => {
      if (isOver) {
        counts.limited++;
        return refused(429, 'rate_limited', 'too many requests', { 'Retry-After': String(reset) });
      }
      const blow = struck(happening, request, skewed);
      if (blow) return blow;
      if (!found) return refused(404, 'not_found', 'no such page');
      const bar = barred(request, environment, dialect.routes[found.endpoint]!.scope);
      if (bar) return bar;
      const key = headers['idempotency-key'] as string | undefined;
      return pages.answer({
        ...found,
        query: url.searchParams,
        url,
        body: fieldsOf(text, contentType),
        key,
        happening,
        now,
      });
    };
    const made = reply();
    send({ ...made, headers: { ...rate, ...made.headers } }, happening);
  }

  const listener = (request: IncomingMessage, answer: ServerResponse) => {
    handle(request, answer).catch(() => answer.destroy());
  };
  const server = tls
    ? createTlsServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false }, listener)
    : createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    truth,
    setFault,
    acknowledge,
    setState: did,
    counts: () => ({ ...counts, tokens: tokens.granted() }),
    quota,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
