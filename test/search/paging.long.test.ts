/** Walking 100,000 results while sixteen writers create, update and delete. https://hl7.org/fhir/R4/http.html#paging */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../support/house.ts';

const wanted = 100_000;
const atOnce = 200;
const writers = 16;
const page = 200;
const code = 'walked';

let house: TestHouse;
/** Never touched by a writer after it was created. */
const staying: string[] = [];
/** Updated and deleted by the writers. */
const moving: string[] = [];

const day = (n: number): string => new Date(Date.UTC(2020, 0, 1) + n * 86_400_000).toISOString().slice(0, 10);

/** Many share a date, so that pages end in the midst of equal keys. */
const observation = (n: number) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'urn:test', code }] },
  effectiveDateTime: day((n * 7919) % 1500),
  valueQuantity: { value: n % 100 },
});

const create = (resource: object) => ({ resource, request: { method: 'POST', url: 'Observation' } });

async function fill(): Promise<void> {
  let begun = 0;
  await together(4, async () => {
    while (begun < wanted) {
      const start = begun;
      begun += atOnce;
      const entries = Array.from({ length: Math.min(atOnce, wanted - start) }, (_, i) =>
        create(observation(start + i)),
      );
      const { status, body } = await house.transaction(entries);
      if (status !== 200) throw new Error(`the seed was refused: ${status}`);
      for (const { response } of body.entry) {
        const id = /Observation\/([^/]+)/.exec(response.location)![1]!;
        (staying.length % 10 === 9 && moving.length < staying.length / 9 ? moving : staying).push(id);
      }
    }
  });
}

beforeAll(async () => {
  house = await openHouse();
  await fill();
}, 1_800_000);
afterAll(() => house.stop());

/** Writes until it is told to stop: creates, moves by another date, deletes. Each writer has resources of its own. */
function write(writer: number, salt: number): { stop(): Promise<number> } {
  let running = true;
  let writes = 0;
  const own = moving.filter((_, i) => i % writers === writer);
  const work = async () => {
    for (let n = 0; running; n++) {
      const answers = [await house.create(observation(n * 31 + salt))];
      const [moved, removed] = [own[n % Math.max(1, own.length)], n % 3 === 0 ? own.pop() : undefined];
      if (moved !== undefined && moved !== removed)
        answers.push(await house.update({ ...observation(n * 17 + salt), id: moved }));
      if (removed !== undefined) answers.push(await house.remove(`Observation/${removed}`));
      for (const { status } of answers) if (status >= 300) throw new Error(`a writer was answered ${status}`);
      writes += answers.length;
    }
    return writes;
  };
  const done = work();
  return {
    stop() {
      running = false;
      return done;
    },
  };
}

/** Ids and dates of all pages in the order they came. */
async function walk(sort: string): Promise<{ id: string; date: string }[]> {
  const met: { id: string; date: string }[] = [];
  const query = `/fhir/Observation?code=urn:test%7C${code}&_count=${page}${sort}`;
  for (let next: string | undefined = query; next; ) {
    const { status, body } = await house.ask('GET', next);
    if (status !== 200) throw new Error(`a page was answered ${status}: ${JSON.stringify(body)}`);
    for (const { resource } of body.entry ?? []) met.push({ id: resource.id, date: resource.effectiveDateTime });
    next = body.link.find(({ relation }: any) => relation === 'next')?.url;
  }
  return met;
}

describe('paging while sixteen write', () => {
  it.each([
    ['without _sort', '', undefined],
    ['with _sort=_id', '&_sort=_id', (one: any, other: any) => one.id < other.id],
    ['with _sort=-date', '&_sort=-date', (one: any, other: any) => one.date >= other.date],
  ])(
    'misses nothing that stayed and shows nothing twice %s',
    async (_, sort, inOrder) => {
      const working = Array.from({ length: writers }, (_, writer) => write(writer, sort.length * 101 + writer));
      const met = await walk(sort);
      const writes = await Promise.all(working.map((one) => one.stop()));
      expect(Math.min(...writes)).toBeGreaterThan(10);

      const times = new Map<string, number>();
      for (const { id } of met) times.set(id, (times.get(id) ?? 0) + 1);
      const twice = staying.filter((id) => times.get(id)! > 1);
      const missed = staying.filter((id) => !times.has(id));
      const movedTwice = [...times].filter(([, many]) => many > 1).map(([id]) => id);
      process.stderr.write(
        `${sort || 'no sort'}: ${met.length} met, ${writes.reduce((a, b) => a + b, 0)} writes, ${movedTwice.length} met twice as they moved\n`,
      );
      expect({ missed: missed.slice(0, 5), twice: twice.slice(0, 5) }).toEqual({ missed: [], twice: [] });
      expect(met.length).toBeGreaterThanOrEqual(staying.length);
      // Only by a key that a write changed, a resource that moved on is met again where it now stands.
      if (sort !== '&_sort=-date') expect(movedTwice).toEqual([]);
      else expect(movedTwice.length).toBeGreaterThan(0);
      if (inOrder) expect(met.findIndex((one, i) => i > 0 && !inOrder(met[i - 1], one))).toBe(-1);
    },
    1_800_000,
  );
});
