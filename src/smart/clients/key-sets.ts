/**
 * The keys of clients, by value or fetched from where the client keeps them: remembered no longer than the answer permits,
 * fetched no more often than is needed. https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
 */
import { readJson } from '../../fhir/json.ts';
import { asProblem } from '../../fhir/outcome.ts';
import type { Call, Reply } from '../../outbound/guarded-client.ts';
import type { Runtime } from '../../runtime.ts';
import type { Client } from './client.ts';
import { BadKeys, type ClientKey, type KeySet, readKeySet } from './key-set.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How long one fetch may take. */
const PATIENCE = 3 * SECOND;
/** Bytes of a set. The guarded client reads no more than this. */
const LARGEST = 65_536;
/** How long an answer holds: as it says, within these; and where it says nothing. */
const SHORTEST = 10 * SECOND;
const LONGEST = 24 * 60 * MINUTE;
const UNSAID = 5 * MINUTE;
/** How long the last good answer may stand in while the place cannot be reached. */
const STALE = 60 * MINUTE;
/** How soon after a fetch that failed the next may go out, and after one for a kid that was not in it. */
const AGAIN = 10 * SECOND;
const UNKNOWN_KID = 5 * MINUTE;
const SETS = 10_000;

export interface KeySets {
  /** The key of that kid, fetched where need be; else why there is none, for the audit row. */
  keyOf(client: Client, kid: string): Promise<ClientKey | string>;
}

export interface KeySetsRoom {
  readonly send: (call: Call) => Promise<Reply>;
  readonly runtime: Runtime;
}

interface Fetched {
  keys: KeySet | undefined;
  freshUntil: number;
  /** Nothing goes out before. */
  nextFetch: number;
  /** Not for an unknown kid either. */
  nextForKid: number;
  fault: string;
  running: Promise<void> | undefined;
}

export function createKeySets({ send, runtime }: KeySetsRoom): KeySets {
  const byValue = new WeakMap<object, KeySet>();
  const byUrl = new Map<string, Fetched>();

  function stateOf(client: Client, url: string): Fetched {
    // By client too: what one may ask for is not used up by another who names the same place.
    const name = `${client.clientId} ${url}`;
    const known = byUrl.get(name);
    if (known) return known;
    const fresh: Fetched = {
      keys: undefined,
      freshUntil: 0,
      nextFetch: 0,
      nextForKid: 0,
      fault: '',
      running: undefined,
    };
    if (byUrl.size >= SETS) byUrl.delete(byUrl.keys().next().value!);
    byUrl.set(name, fresh);
    return fresh;
  }

  async function fetchSet(url: string): Promise<{ reply: Reply; keys: KeySet }> {
    const late = new AbortController();
    const done = new AbortController();
    runtime.sleep(PATIENCE, done.signal).then(() => late.abort());
    try {
      const reply = await send({ url, method: 'GET', headers: { accept: 'application/json' }, signal: late.signal });
      if (reply.status !== 200) throw new BadKeys(`answered ${reply.status}`);
      const bytes = Buffer.from(reply.body);
      if (bytes.length >= LARGEST) throw new BadKeys('is too large');
      const { value } = readJson(bytes, { depth: 6, nodes: 5_000 });
      return { reply, keys: readKeySet(value) };
    } finally {
      done.abort('answered');
    }
  }

  async function refresh(state: Fetched, url: string): Promise<void> {
    const asked = runtime.now();
    try {
      const { reply, keys } = await fetchSet(url);
      Object.assign(state, { keys, freshUntil: asked + lifeOf(reply), nextFetch: 0, fault: '' });
    } catch (error) {
      state.nextFetch = runtime.now() + AGAIN;
      state.fault = `key set ${error instanceof BadKeys ? error.message : asProblem(error).code}`;
      // A place that answers, but not with a set that is fit, is believed: the keys from before may be the stolen ones.
      if (!isUnreachable(error)) Object.assign(state, { keys: undefined, freshUntil: 0 });
    }
  }

  const refreshed = (state: Fetched, url: string): Promise<void> =>
    (state.running ??= refresh(state, url).finally(() => {
      state.running = undefined;
    }));

  async function keyAt(client: Client, url: string, kid: string): Promise<ClientKey | string> {
    const state = stateOf(client, url);
    const mayFetch = () => state.running !== undefined || state.nextFetch <= runtime.now();
    const isStale = state.freshUntil <= runtime.now();
    if (isStale && mayFetch()) await refreshed(state, url);
    if (!state.keys || state.freshUntil + STALE <= runtime.now()) return state.fault || 'key set not at hand';
    const isNew = !state.keys.has(kid) && !isStale && state.nextForKid <= runtime.now();
    if (isNew && mayFetch()) {
      state.nextForKid = runtime.now() + UNKNOWN_KID;
      await refreshed(state, url);
    }
    return state.keys?.get(kid) ?? 'kid unknown';
  }

  function ofValue({ metadata }: Client): KeySet {
    const { jwks } = metadata;
    if (jwks === undefined) return new Map();
    let set = byValue.get(jwks);
    if (!set) byValue.set(jwks, (set = readKeySet(jwks)));
    return set;
  }

  return {
    async keyOf(client, kid) {
      const { jwks_uri } = client.metadata;
      if (jwks_uri !== undefined) return keyAt(client, jwks_uri, kid);
      return ofValue(client).get(kid) ?? 'kid unknown';
    },
  };
}

/** No answer at all: the network, a name, the time. A forbidden place is none of these. */
const isUnreachable = (error: unknown): boolean =>
  !(error instanceof BadKeys) && ['transient', 'timeout'].includes(asProblem(error).code);

/** Milliseconds for which an answer holds. https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2 */
function lifeOf({ headers }: Reply): number {
  const said = headers['cache-control']?.toLowerCase();
  if (said === undefined) return UNSAID;
  if (/(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])/.test(said)) return SHORTEST;
  const seconds = /(?:^|[\s,])max-age="?(\d{1,15})"?(?:$|[\s,])/.exec(said)?.[1];
  return seconds === undefined ? UNSAID : Math.min(Math.max(Number(seconds) * SECOND, SHORTEST), LONGEST);
}
