/** Asks a number of requests of every kind for each caller, counts them and gathers the differences, each with what makes it again. */
import { type Compared, compare, compareWrite } from './compare.ts';
import type { Houses, Pair } from './houses.ts';
import { kinds, type Request, requestFor, searchKinds } from './questions.ts';
import { writeFor, writeKinds } from './writes.ts';

interface Count {
  asked: number;
  found: number;
  refused: number;
}

export interface Tally {
  readonly counts: Map<string, Count>;
  readonly faults: string[];
}

export const emptyTally = (): Tally => ({ counts: new Map(), faults: [] });

const allKinds = [...kinds, ...writeKinds];
const described = ({ method, path, body, headers }: Request): string =>
  [
    method,
    decodeURIComponent(path),
    typeof body === 'string' ? decodeURIComponent(body) : body ? JSON.stringify(body).slice(0, 600) : '',
    headers ? JSON.stringify(headers) : '',
  ].join(' ');

/** How many of a kind for each one of the search's: ways around searches are asked more often. */
export const share = (kind: string): number => (searchKinds.includes(kind) ? 1 : 4);

/** One request; what it is follows from seed, caller, kind and number. */
export async function askOne(
  { pairs }: Pick<Houses, 'pairs'>,
  pair: Pair,
  seed: number,
  kind: string,
  n: number,
  into: Tally,
): Promise<Compared | undefined> {
  const place = allKinds.indexOf(kind);
  const from = seed * 1_000_000 + place * 5_000 + n;
  const isWrite = writeKinds.includes(kind);
  const request = isWrite ? writeFor(from, kind, pair) : requestFor(from, kind, pair);
  if (!request) return undefined;
  const others = pairs.filter((one) => one !== pair);
  const compared = await (isWrite ? compareWrite(pair, others, request) : compare(pair, request));
  const count = into.counts.get(kind) ?? { asked: 0, found: 0, refused: 0 };
  into.counts.set(kind, count);
  count.asked++;
  if (compared.found) count.found++;
  if (compared.refused) count.refused++;
  if (compared.fault)
    into.faults.push(`${pair.as}, seed ${seed}, ${kind} ${n}: ${described(request)}\n      ${compared.fault}`);
  return compared;
}

/** `each` of every kind for each caller, of those beside searches as many times more as `share` says; writes come last. */
export async function tally(houses: Houses, seed: number, each: number, into: Tally): Promise<void> {
  const ask = async (pair: Pair, all: readonly string[]) => {
    for (const [place, kind] of all.entries()) {
      const many = each * share(kind);
      // Where there is less than one for each caller, the callers take turns.
      const turn = place + houses.pairs.indexOf(pair);
      const count = many >= 1 ? Math.round(many) : turn % Math.round(1 / many) === 0 ? 1 : 0;
      for (let n = 0; n < count; n++) await askOne(houses, pair, seed, kind, n, into);
    }
  };
  for (const pair of houses.pairs) await ask(pair, kinds);
  for (const pair of houses.pairs) await ask(pair, writeKinds);
}

export const sum = ({ counts }: Tally): Count =>
  [...counts.values()].reduce(
    (all, one) => ({ asked: all.asked + one.asked, found: all.found + one.found, refused: all.refused + one.refused }),
    { asked: 0, found: 0, refused: 0 },
  );

export const table = (tally: Tally): string =>
  [...tally.counts, ['all', sum(tally)] as const]
    .map(([kind, { asked, found, refused }]) => `${kind.padEnd(32)}${asked} asked, ${found} found, ${refused} refused`)
    .join('\n');
