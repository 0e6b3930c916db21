/** References or ids, of which there may be thousands: one list for all criteria that speak of them. https://hl7.org/fhir/R4/search.html */
import { createHash } from 'node:crypto';

/** `Patient/1`, or ids where ids are asked. Never changes. */
export type Targets = readonly string[];

/** Longer ones are told by their digest where a criterion is written as text, to compare it with others. */
const LONG = 50;

/** Each once, in an order of their own. */
export function targetsOf(references: Iterable<string>): Targets {
  const targets = [...new Set(references)].sort();
  if (targets.length > LONG) {
    let digest: string | undefined;
    const toJSON = () => {
      digest ??= `${targets.length}:${createHash('sha256').update(targets.join('\n')).digest('base64')}`;
      return digest;
    };
    // Out of sight: a list that goes to another thread is copied without it.
    Object.defineProperty(targets, 'toJSON', { value: toJSON });
  }
  return targets;
}

/** Shorter ones are looked through, longer ones looked up. */
const SHORT = 20;

export const isAmong = (targets: Targets, one: string): boolean =>
  targets.length > SHORT ? setOf(targets).has(one) : targets.includes(one);

const sets = new WeakMap<Targets, ReadonlySet<string>>();

/** The same to look into, made once. */
export function setOf(targets: Targets): ReadonlySet<string> {
  const known = sets.get(targets);
  if (known) return known;
  const set = new Set(targets);
  sets.set(targets, set);
  return set;
}
