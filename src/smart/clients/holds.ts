/**
 * Slows down whoever guesses at secrets, keys, assertions and passwords, by where it comes from: the one who owns what is
 * guessed at comes from elsewhere, and is never locked out. docs/clients.md says what a proxy in front means for this.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';

export interface Holds {
  /**
   * Throws throttled (429 with Retry-After) while the source is held. `source` is an address, or an address, a blank and what is
   * tried there: a client_id, a login, the prefix of a key. Call it right before what costs.
   */
  demand(source: string, kind: string): void;
  failed(source: string, kind: string): void;
  /** Forgives what failed at this very thing; what the address did elsewhere stays. */
  succeeded(source: string, kind: string): void;
}

const MINUTE = 60_000;
/** Failures within a minute after which a source has to wait. */
const MOST = 10;
/** The same for all that one address tries: a whole house may stand behind it, in which some device has an old key. */
const MOST_OF_ADDRESS = 100;
/** The first wait, in milliseconds; each that follows within an hour of the one before is twice as long, up to the last. */
const FIRST = MINUTE;
const LONGEST = 60 * MINUTE;
/** Sources that are remembered; the one that was quiet longest goes first. */
const REMEMBERED = 20_000;
const LONGEST_NAME = 160;

interface Suspicion {
  /** When the minute began that is counted. */
  since: number;
  failures: number;
  heldUntil: number;
  /** How often it was held. */
  holds: number;
}

export function createHolds({ now }: Pick<Runtime, 'now'>, remembered = REMEMBERED): Holds {
  const suspicions = new Map<string, Suspicion>();

  function demandOf(name: string, at: number): void {
    const wait = (suspicions.get(name)?.heldUntil ?? 0) - at;
    if (wait <= 0) return;
    throw problem('throttled', 'too many attempts have failed from here; wait, then try again', {
      headers: { 'Retry-After': String(Math.ceil(wait / 1_000)) },
    });
  }

  function failedOf(name: string, most: number, at: number): void {
    const fresh: Suspicion = { since: at, failures: 0, heldUntil: 0, holds: 0 };
    const suspicion = suspicions.get(name) ?? fresh;
    if (at >= suspicion.since + MINUTE) {
      // Quiet for as long as the longest wait: it begins anew.
      if (at > Math.max(suspicion.since, suspicion.heldUntil) + LONGEST) suspicion.holds = 0;
      suspicion.since = at;
      suspicion.failures = 0;
    }
    suspicion.failures++;
    if (suspicion.failures >= most && suspicion.heldUntil <= at) {
      suspicion.heldUntil = at + Math.min(FIRST * 2 ** suspicion.holds, LONGEST);
      suspicion.holds++;
      suspicion.failures = 0;
      suspicion.since = suspicion.heldUntil;
    }
    // The map is in the order of the last failure.
    suspicions.delete(name);
    suspicions.set(name, suspicion);
    if (suspicions.size > remembered) suspicions.delete(suspicions.keys().next().value!);
  }

  return {
    demand(source, kind) {
      const { address, tried } = namesOf(source, kind);
      demandOf(address, now());
      demandOf(tried, now());
    },
    failed(source, kind) {
      const { address, tried } = namesOf(source, kind);
      failedOf(address, MOST_OF_ADDRESS, now());
      failedOf(tried, MOST, now());
    },
    succeeded(source, kind) {
      suspicions.delete(namesOf(source, kind).tried);
    },
  };
}

function namesOf(source: string, kind: string): { readonly address: string; readonly tried: string } {
  const end = source.indexOf(' ');
  const [from, what] = end < 0 ? [source, ''] : [source.slice(0, end), source.slice(end + 1)];
  const address = networkOf(from);
  return { address: `@${address}`, tried: `${address} ${kind} ${what.slice(0, LONGEST_NAME)}` };
}

/** The address, but for IPv6 the network that one customer is given: whoever has it has 2^64 of them. */
function networkOf(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(address)) return address.slice(0, LONGEST_NAME);
  const [head, tail] = address.replace(/%.*$/, '').split('::') as [string, string?];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...(tail === undefined ? [] : gap), ...right]
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':');
}
