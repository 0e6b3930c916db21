/** Grouping held against the plain definition of it, on made-up Observations. https://hl7.org/fhir/R4/observation-operation-lastn.html */
import { describe, expect, it } from '@jest/globals';
import { createNewest } from '../../src/operations/newest.ts';
import type { Version } from '../../src/store/store.ts';

interface Made {
  readonly id: string;
  readonly codes: readonly number[];
  readonly year: number | undefined;
}

const versionOf = ({ id, codes, year }: Made, reference = 'Patient/1'): Version => ({
  key: { type: 'Observation', id },
  versionId: 1,
  lastUpdated: 0,
  method: 'PUT',
  text: JSON.stringify({
    resourceType: 'Observation',
    code: { coding: codes.map((code) => ({ system: 'urn:s', code: `${code}` })) },
    subject: { reference },
    ...(year !== undefined && { effectiveDateTime: `${year}` }),
  }),
});
const base = 'https://here.example/fhir';
const timeOf = ({ year }: Made) => year ?? Number.NEGATIVE_INFINITY;

/** The definition: from one to the next for as long as there is one, then everything as new as the n-th. */
function expected(all: readonly Made[], max: number): string[] {
  const left = new Set(all);
  const ids: string[] = [];
  for (const first of all) {
    if (!left.delete(first)) continue;
    const group = [first];
    for (const one of group) {
      for (const other of left) {
        if (!other.codes.some((code) => one.codes.includes(code))) continue;
        left.delete(other);
        group.push(other);
      }
    }
    const times = group.map(timeOf).sort((a, b) => (a === b ? 0 : b - a));
    const last = times[Math.min(max, times.length) - 1]!;
    ids.push(...group.filter((one) => timeOf(one) >= last).map(({ id }) => id));
  }
  return ids.sort();
}

function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const idsOf = (versions: readonly Version[]) => versions.map(({ key }) => key.id);

describe('The newest of each group', () => {
  it('are those of the definition, in whatever order they come', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const below = dice(seed);
      const kinds = 2 + below(30);
      const made = Array.from({ length: 1 + below(40) }, (_, i) => ({
        id: `o${i}`,
        codes: Array.from({ length: 1 + below(3) }, () => below(kinds)),
        year: below(8) === 0 ? undefined : 2000 + below(12),
      }));
      const max = 1 + below(4);
      const newest = createNewest(max, base);
      const given =
        seed % 2 === 0 ? made : made.toSorted((a, b) => (timeOf(a) === timeOf(b) ? 0 : timeOf(b) - timeOf(a)));
      for (const one of given) newest.add(versionOf(one));
      const answered = idsOf(newest.versions());
      expect(answered.toSorted()).toEqual(expected(made, max));
      expect(newest.count()).toBe(answered.length);
    }
  });

  it('come group by group, that with the newest Observation first, however they came in', () => {
    const newest = createNewest(2, base);
    newest.add(versionOf({ id: 'undated', codes: [3], year: undefined }));
    newest.add(versionOf({ id: 'a20', codes: [1], year: 2020 }));
    newest.add(versionOf({ id: 'b21', codes: [2], year: 2021 }));
    newest.add(versionOf({ id: 'b19', codes: [2], year: 2019 }));
    newest.add(versionOf({ id: 'a22', codes: [1], year: 2022 }));
    expect(idsOf(newest.versions())).toEqual(['a22', 'a20', 'b21', 'b19', 'undated']);
  });

  it.each(['Patient/1/_history/2', `${base}/Patient/1`])('takes %s for the same subject as Patient/1', (reference) => {
    const newest = createNewest(1, base);
    newest.add(versionOf({ id: 'new', codes: [1], year: 2021 }));
    newest.add(versionOf({ id: 'old', codes: [1], year: 2020 }, reference));
    expect(idsOf(newest.versions())).toEqual(['new']);
  });

  it.each(['Patient/2', 'https://there.example/fhir/Patient/1', '#1'])('keeps %s apart from Patient/1', (reference) => {
    const newest = createNewest(1, base);
    newest.add(versionOf({ id: 'new', codes: [1], year: 2021 }));
    newest.add(versionOf({ id: 'old', codes: [1], year: 2020 }, reference));
    expect(idsOf(newest.versions())).toEqual(['new', 'old']);
  });
});
