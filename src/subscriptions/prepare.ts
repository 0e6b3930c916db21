/** What the server checks and sets itself in a Subscription before it is stored. https://hl7.org/fhir/R4/subscription.html#status */
import { setMember } from '../fhir/json.ts';
import { type Problem, problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { demandShown } from '../interactions/hidden.ts';
import type { Caller, Derive, Incoming } from '../interactions/interaction.ts';
import type { Prepare } from '../interactions/write.ts';
import type { GuardedClient } from '../outbound/guarded-client.ts';
import { mostHeaderLines, readHeaderLine } from '../outbound/header-lines.ts';
import { newSecret } from '../outbound/signing.ts';
import type { Runtime } from '../runtime.ts';
import { plainQuery } from '../search/query.ts';
import { hasToken } from '../smart/identify.ts';
import { type OwnerExtension, ownerExtension, ownerIn, writeOwner } from '../smart/subscription-owner.ts';
import { type Change, isAbsent, type Look } from '../store/store.ts';
import { parseCriteria } from './criteria.ts';
import { drop, type KeptHeaders, type KeptOwner, kinds, put } from './kept.ts';
import { notifierName } from './status.ts';

export interface PrepareParts {
  readonly client: Pick<GuardedClient, 'check'>;
  readonly runtime: Pick<Runtime, 'random'>;
  /** Absolute URL of the FHIR base. */
  readonly base?: string;
}

/** What a header's value reads as; sent back, it keeps the value that is kept, for the receiver that it was given for. */
const hiddenValue = '***';

/**
 * Refuses what cannot be served (422, or 403 where the caller may not read what it watches for), hides header values,
 * decides `status` and `error`, writes in who owns it, and keeps owner, headers and a secret in the same commit.
 */
export const prepareSubscription =
  ({ client, runtime, base }: PrepareParts): Prepare =>
  async ({ key, before, incoming, caller }, look, { now, canonical }) => {
    if (caller.who === notifierName) return { incoming, also: [] };
    const { resource } = incoming;
    const previous = isAbsent(before) ? undefined : (JSON.parse(before!.text) as Resource);
    const { type, where } = parseCriteria(String(resource.criteria ?? ''), base);
    demandReading(caller, type);
    demandShown(plainQuery(type, where), caller.access);
    demandChannel(resource, client);
    const { lines, change } = await headersOf(key.id, resource, previous, look);
    const also: Change[] = [...change];
    const kept = previous && ((await look.get(kinds.owner, [key.id]))[0]?.value as KeptOwner | undefined);
    const owner = ownerAfter(previous, kept, caller);
    if (owner && owner !== kept) also.push(put(kinds.owner, key.id, owner));
    if (previous === undefined) also.push(put(kinds.secret, key.id, { current: newSecret(runtime.random) }));
    const status = statusOf(resource, previous, now);
    const error = status === 'error' ? previous?.error : undefined;
    const shown = owner ? ownerExtension(owner.who, canonical) : previous && ownerIn(previous);
    return { incoming: edited(incoming, status, error, lines, shown), also };
  };

/** Forgets what was private of a Subscription that is deleted; its event numbers go on where it comes back. */
export const forgetSubscription: Derive = async ({ key, after }) =>
  after === undefined
    ? [kinds.owner, kinds.headers, kinds.secret, kinds.trouble].map((kind) => drop(kind, key.id))
    : [];

/** Whoever comes with a token can be asked about later: what it was granted is kept, the token is not. */
const ownerOf = (caller: Caller): KeptOwner =>
  hasToken(caller) ? { who: caller.who, standing: caller.standing } : { who: caller.who };

/**
 * Whoever made it stays its owner. An owner who changes it lets it see from now on what the token of the change is granted: not
 * what another app of the same user, or a token with more scopes, may.
 */
function ownerAfter(previous: Resource | undefined, kept: KeptOwner | undefined, caller: Caller) {
  if (previous === undefined || (hasToken(caller) && caller.who === kept?.who)) return ownerOf(caller);
  return kept;
}

function demandReading({ access }: Caller, type: string): void {
  if (!access.permits('read', type)) throw problem('forbidden', `read of ${type} is not permitted with these rights`);
}

function demandChannel({ channel }: Resource, client: Pick<GuardedClient, 'check'>): void {
  if (channel?.type !== 'rest-hook') {
    throw refused('not-supported', 'only rest-hook channels are supported', 'Subscription.channel.type');
  }
  if (channel.payload !== undefined && channel.payload !== 'application/fhir+json') {
    throw refused('not-supported', 'payload must be application/fhir+json or left out', 'Subscription.channel.payload');
  }
  const expression = 'Subscription.channel.endpoint';
  if (typeof channel.endpoint !== 'string') throw refused('business-rule', 'a rest-hook needs an endpoint', expression);
  const fault = client.check(channel.endpoint);
  if (fault) throw refused('business-rule', fault.message, expression);
}

/**
 * `active` and `error` are the server's: in an update they only come back as they were read, in a new Subscription, which may
 * be the copy of another, they ask for what `requested` asks for.
 */
function statusOf(resource: Resource, previous: Resource | undefined, now: number): string {
  const { status, end } = resource;
  const isClients = status === 'requested' || status === 'off';
  if (!isClients && previous !== undefined && status !== previous.status) {
    throw refused('value', 'a client sets status requested or off; the server sets the others', 'Subscription.status');
  }
  if (typeof end === 'string' && Date.parse(end) <= now) return 'off';
  return isClients || previous !== undefined ? status : 'requested';
}

async function headersOf(
  id: string,
  { channel }: Resource,
  previous: Resource | undefined,
  look: Look,
): Promise<{ lines: readonly string[]; change: readonly Change[] }> {
  const sent: readonly unknown[] = channel.header ?? [];
  if (sent.length > mostHeaderLines) {
    throw refused('value', `at most ${mostHeaderLines} header lines`, 'Subscription.channel.header');
  }
  const [kept] = previous ? await look.get(kinds.headers, [id]) : [];
  const known = new Map((kept?.value as KeptHeaders | undefined)?.lines.map((line) => [nameOf(line), line]));
  const names = new Set<string>();
  const lines = sent.map((line, index) => {
    const expression = `Subscription.channel.header[${index}]`;
    const read = readHeaderLine(String(line));
    if (typeof read === 'string') throw refused('value', `the header line ${read}`, expression);
    const name = nameOf(read.name);
    if (names.has(name)) throw refused('value', 'the header line names a header a second time', expression);
    names.add(name);
    if (read.value !== hiddenValue) return `${read.name}: ${read.value}`;
    const old = known.get(name);
    if (old === undefined) throw refused('value', 'the header line keeps a value that is not known', expression);
    if (!isSameReceiver(channel.endpoint, previous?.channel.endpoint)) {
      const sentence = 'the header line keeps a value that was given for another scheme, host or port';
      throw refused('value', sentence, expression);
    }
    return old;
  });
  if (lines.length > 0) return { lines, change: [put(kinds.headers, id, { lines } satisfies KeptHeaders)] };
  return { lines, change: previous ? [drop(kinds.headers, id)] : [] };
}

/** Whether a secret for the one may be told the other. */
const isSameReceiver = (endpoint: string, former: string): boolean =>
  new URL(endpoint).origin === new URL(former).origin;

const nameOf = (line: string): string => line.split(':', 1)[0]!.toLowerCase();

function edited(
  incoming: Incoming,
  status: string,
  error: unknown,
  lines: readonly string[],
  owner: OwnerExtension | undefined,
): Incoming {
  const hidden = lines.map((line) => `${line.split(':', 1)[0]}: ${hiddenValue}`);
  let text = setMember(incoming.text, ['status'], JSON.stringify(status));
  text = setMember(text, ['error'], typeof error === 'string' ? JSON.stringify(error) : undefined);
  if (lines.length > 0) text = setMember(text, ['channel', 'header'], JSON.stringify(hidden));
  text = writeOwner(text, owner);
  return { text, resource: JSON.parse(text) };
}

const refused = (code: 'not-supported' | 'business-rule' | 'value', sentence: string, expression: string): Problem =>
  problem(code, sentence, { expression, status: 422 });
