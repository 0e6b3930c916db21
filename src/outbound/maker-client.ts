/**
 * The client of one maker in one environment: authenticates, keeps to budgets, tries again what may be tried again, leaves a
 * maker alone that does not answer. Everything goes through the guarded client. docs/credentials.md
 */
import { asProblem, type Problem, problem } from '../fhir/outcome.ts';
import type { Runtime } from '../runtime.ts';
import { createBreaker } from './breaker.ts';
import { createBudget } from './budget.ts';
import type { Call, GuardedClient, Identity } from './guarded-client.ts';
import type {
  Credentials,
  MakerAuth,
  MakerCall,
  MakerClient,
  MakerLimits,
  MakerReply,
  MakerState,
  Quota,
} from './maker.ts';
import { againAt, isAnswered, isFault, isPassing, refusalOf, tokenRefusalOf } from './maker-refusal.ts';
import { createSessions, type Session } from './maker-session.ts';
import { demanded, type Token, tokenCall, tokenIn } from './maker-token.ts';
import { quotaOf, retryAfterOf } from './vendor-headers.ts';

export interface MakerClientParts {
  /** For sentences: `boston-scientific`. */
  readonly name: string;
  /** Base URL, without a trailing slash. */
  readonly base: string;
  /** The ways that the maker knows: the first that the credential suffices for is used. */
  readonly auth: MakerAuth | readonly MakerAuth[];
  /** Valid now, the newest first: `vault.valid(maker, environment)`. Asked for when a token is. */
  readonly credentials: () => Promise<readonly Credentials[]>;
  readonly transport: Pick<GuardedClient, 'send'>;
  readonly runtime: Runtime;
  readonly limits?: Partial<MakerLimits>;
}

const makerLimits: MakerLimits = {
  atATime: 4,
  perMinute: 600,
  bytes: 33_554_432,
  headers: 15_000,
  total: 60_000,
};

const RETRIES = 3;
const BACKOFF = { base: 500, cap: 30_000 };
/** The longest that a maker may have a call wait, in milliseconds; for longer ones it fails and says when. */
const LONGEST_WAIT = 900_000;

const repeatable: ReadonlySet<string> = new Set(['GET', 'PUT', 'DELETE']);

/** `base` + `path`, or what a link of the maker names in full: nothing but the maker itself is shown the credential. */
function urlOf(name: string, base: string, path: string, query: MakerCall['query'] = {}): string {
  const text = /^https?:\/\//i.test(path) ? path : base + path;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin !== new URL(base).origin)
    throw problem('value', `the address asked of ${name} is not one of its own`);
  for (const [parameter, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(parameter, String(value));
  return url.href;
}

/** Beside a token the key goes along where there is one. */
function keyHeaders(held: Credentials, { kind, headerName }: MakerAuth): Readonly<Record<string, string>> {
  const name = headerName ?? (kind === 'api-key' ? 'X-API-Key' : undefined);
  return name === undefined || held.api_key === undefined ? {} : { [name]: held.api_key };
}

function identityOf(held: Credentials, { kind }: MakerAuth): Identity | undefined {
  if (kind !== 'mutual-tls') return undefined;
  return { certificate: demanded(held, 'certificate'), privateKey: demanded(held, 'private_key') };
}

export function createMakerClient(parts: MakerClientParts): MakerClient {
  const { name, base, credentials, transport, runtime } = parts;
  const auths = [parts.auth].flat();
  const limits: MakerLimits = { ...makerLimits, ...parts.limits };
  const { now, sleep } = runtime;
  const breaker = createBreaker(now);
  const budget = createBudget(limits, runtime);
  const counts = { calls: 0, retries: 0, failures: 0, tokens: 0 };
  const sessions = createSessions({ name, credentials, auths, now, ask: askToken });
  let quota: Quota | undefined;
  let lastSuccess: number | undefined;
  let lastError: string | undefined;
  let up = true;
  /** What the maker did wrong when it was asked last: told while it is left alone. */
  let cause: string | undefined;
  /** Nobody asks before. */
  let notBefore = 0;

  /** One exchange; what the answer says about coming again is kept for all calls. */
  async function send(
    { credentials: held, auth }: Pick<Session, 'credentials' | 'auth'>,
    call: Call,
  ): Promise<MakerReply & { readonly wait?: number }> {
    const identity = identityOf(held, auth);
    const headers = { ...call.headers, ...keyHeaders(held, auth) };
    const reply = await transport.send({ ...call, headers, limits, ...(identity && { identity }) });
    const at = now();
    quota = quotaOf(reply.headers, at) ?? quota;
    const isPut = reply.status === 429 || reply.status === 503;
    const wait = isPut ? (retryAfterOf(reply.headers, at) ?? resetIn(reply.status, at)) : undefined;
    if (wait !== undefined) notBefore = Math.max(notBefore, at + wait);
    return { status: reply.status, headers: reply.headers, body: reply.bytes ?? Buffer.from(reply.body), wait };
  }
  const resetIn = (status: number, at: number): number | undefined =>
    status === 429 && quota?.reset !== undefined ? Math.max(0, quota.reset - at) : undefined;

  /** May stand at another host: it comes from the maker's mapping, not from an answer. */
  const tokenUrl = (path: string): string => (/^https?:\/\//i.test(path) ? path : base + path);

  async function askToken(held: Credentials, auth: MakerAuth): Promise<Token> {
    counts.tokens++;
    const asked = await tokenCall(auth, held, tokenUrl(auth.tokenPath!), runtime);
    const reply = await send({ credentials: held, auth }, asked);
    if (!isAnswered(reply.status)) throw tokenRefusalOf(name, reply);
    return tokenIn(reply);
  }

  const dataCall = (
    { method, path, query, body, headers, idempotencyKey, signal }: MakerCall,
    token?: string,
  ): Call => ({
    url: urlOf(name, base, path, query),
    method,
    headers: {
      accept: 'application/json',
      ...headers,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });

  /** With a fresh token after the first 401, with the credential before after that. */
  async function authenticated(call: MakerCall): Promise<MakerReply> {
    let session: Session | undefined = await sessions.current();
    let isRenewed = session.token === undefined;
    for (;;) {
      const { token }: Session = session;
      const reply: MakerReply & { readonly wait?: number } = await send(session, dataCall(call, token));
      if (isAnswered(reply.status)) return reply;
      if (reply.status !== 401) throw refusalOf(name, reply);
      session = isRenewed ? await sessions.other(session) : await sessions.renewed(session);
      isRenewed = true;
      if (session === undefined)
        throw token !== undefined
          ? problem('expired', `${name} refuses a token that it has just given (401)`)
          : refusalOf(name, reply);
    }
  }

  /** Waits as long as the maker wants, where that is not too long. */
  async function demandOpen(signal: AbortSignal | undefined): Promise<void> {
    for (let wait = notBefore - now(); wait > 0; wait = notBefore - now()) {
      if (wait > LONGEST_WAIT) throw againAt('throttled', name, notBefore, now(), cause);
      await sleep(wait, signal);
      demandWanted(signal);
    }
  }
  function demandWanted(signal: AbortSignal | undefined): void {
    if (signal?.aborted) throw problem('transient', `nobody waits for ${name} any more`);
  }

  /** One try. The breaker learns whether the maker did its part, whatever it said. */
  async function attempt(call: MakerCall): Promise<MakerReply> {
    await demandOpen(call.signal);
    return budget.run(async () => {
      demandWanted(call.signal);
      // Others may have been told to wait while this one was in line.
      await demandOpen(call.signal);
      const closedFor = breaker.enter();
      if (closedFor > 0) throw againAt('transient', name, now() + closedFor, now(), cause);
      try {
        const reply = await authenticated(call);
        if (call.isGood?.(reply) ?? true) breaker.succeeded();
        else {
          cause = 'it sent an answer that cannot be read';
          breaker.failed();
        }
        return reply;
      } catch (error) {
        const refused = asProblem(error);
        if (isPassing(refused)) cause = refused.message;
        if (call.signal?.aborted) breaker.left();
        else if (isFault(refused)) breaker.failed();
        else breaker.succeeded();
        throw error;
      }
    }, call.signal);
  }

  /** Full jitter: all who failed together do not come back together. */
  function backoff(tries: number): number {
    const [a, b, c] = runtime.random(3);
    const share = ((a! << 16) | (b! << 8) | c!) / 0x1000000;
    return share * Math.min(BACKOFF.cap, BACKOFF.base * 2 ** tries);
  }

  async function answered(call: MakerCall): Promise<MakerReply> {
    const retries = call.idempotencyKey !== undefined || repeatable.has(call.method) ? RETRIES : 0;
    for (let tries = 0; ; tries++) {
      let refused: Problem | undefined;
      try {
        const reply = await attempt(call);
        if (tries === retries || breaker.state() === 'open' || (call.isGood?.(reply) ?? true)) return reply;
      } catch (error) {
        refused = asProblem(error);
        if (refused.code === 'exception') throw error;
        const isLeftAlone = breaker.state() === 'open' || notBefore - now() > LONGEST_WAIT;
        if (tries === retries || !isPassing(refused) || isLeftAlone || call.signal?.aborted)
          throw notBefore - now() > LONGEST_WAIT ? againAt('throttled', name, notBefore, now(), cause) : refused;
      }
      counts.retries++;
      if (notBefore <= now()) await sleep(backoff(tries), call.signal);
      demandWanted(call.signal);
    }
  }

  return {
    async call(call) {
      counts.calls++;
      try {
        const { status, headers, body } = await answered(call);
        lastSuccess = now();
        lastError = undefined;
        up = true;
        return { status, headers, body };
      } catch (error) {
        counts.failures++;
        const refused = asProblem(error);
        lastError = refused.message;
        // A refusal of one request says nothing about the maker.
        if (isPassing(refused) || refused.code === 'login' || refused.code === 'expired') up = false;
        throw error;
      }
    },
    state: (): MakerState => ({
      up: up && breaker.state() !== 'open',
      breaker: breaker.state(),
      tokenExpires: sessions.expires(),
      quota,
      lastSuccess,
      lastError,
      ...counts,
    }),
  };
}
