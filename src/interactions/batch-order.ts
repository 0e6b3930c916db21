/** Which entries of a batch wait for each other: readings of one patient go in by their time, since that is how what they say begins and ends. https://hl7.org/fhir/R4/http.html#brules */
import { instantOf } from '../alerts/spoken.ts';
import type { Entry } from './interaction.ts';

/** What says no time is of now. */
const LAST = Number.MAX_SAFE_INTEGER;

/** Whose reading it is; undefined for anything else. */
function whoseReading({ method, body }: Entry): string | undefined {
  if ((method !== 'POST' && method !== 'PUT') || body?.resource.resourceType !== 'Observation') return undefined;
  const { subject, device } = body.resource;
  const reference = subject?.reference ?? device?.reference;
  return typeof reference === 'string' ? reference : undefined;
}

/** Places of the entries, in chains: one after another within each, all chains beside each other. */
export function chainsOf(entries: readonly Entry[]): readonly (readonly number[])[] {
  const chains: number[][] = [];
  const readings = new Map<string, number[]>();
  for (const [i, entry] of entries.entries()) {
    const whose = whoseReading(entry);
    const chain = whose === undefined ? undefined : readings.get(whose);
    if (chain) {
      chain.push(i);
      continue;
    }
    const begun = [i];
    chains.push(begun);
    if (whose !== undefined) readings.set(whose, begun);
  }
  for (const chain of readings.values()) {
    const times = new Map(chain.map((i) => [i, instantOf(entries[i]!.body!.resource, LAST)]));
    chain.sort((a, b) => times.get(a)! - times.get(b)!);
  }
  return chains;
}
