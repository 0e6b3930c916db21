/** Every fault that a simulated maker can have, in all a thousand polls: what is stored is what is true at the maker, each reading once, and counted as it came. domain.md 2.11 */
import { describe, expect, it } from '@jest/globals';
import type { Quarantined } from '../../../src/ingest/intake/quarantine.ts';
import type { MakerName } from '../../../src/simulators/makers/dialects.ts';
import { type FaultName, faultNames } from '../../../src/simulators/makers/faults.ts';
import { expected, type HandDriven, openHandDriven, steppedClock, storedReadings } from '../../support/feeds-house.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const FAULTY = 26;
/** Answers that never end are given up on sooner than in earnest; where all of them end, a busy machine may take its time. */
const limits = { headers: 400, total: 800 };
/** Faults that cost that time are more seldom than they could be. */
const seldom: Partial<Record<FaultName, string>> = { 'no-answer': 'no-answer:25', 'slow-body': 'slow-body:40' };
/** Of which kind a reading is, or when it was, cannot be told of these: then one of its kind and time is missing. */
const unplaceable: readonly FaultName[] = ['future-timestamps', 'unknown-enum', 'late-readings'];

async function quarantineOf({ store }: HandDriven): Promise<readonly Quarantined[]> {
  const kept = await store.list('quarantine', '', 5_000);
  return kept.map(({ value }) => value);
}

const idIn = (row: any): string => row.readingId ?? row.measurementId ?? row.value_no ?? row.MessageID;

async function run(maker: MakerName, fault: FaultName): Promise<void> {
  const clock = steppedClock();
  const house = await openHandDriven({
    clock,
    ...(seldom[fault] && { limits }),
    sim: { maker, history: 6, faults: [seldom[fault] ?? fault], seed: 7 },
  });
  const { sim } = house;
  const polls = async (count: number, step: number) => {
    for (let n = 0; n < count; n++) {
      clock.forward(step);
      if (n % 9 === 4) house.forget();
      await house.poll();
    }
  };
  try {
    await polls(FAULTY, 20 * MINUTE);
    sim.setFault();
    // What arrives late is there, and everybody was looked back on.
    if (fault === 'late-readings') await polls(1, 49 * HOUR);
    await polls(2, 7 * HOUR);
    const kept = await house.poll();
    const truth = sim.truth();
    const { all, twice } = await storedReadings(house, maker);
    const wanted = new Set(truth.readings.map(expected));
    const missing = [...wanted].filter((one) => !all.has(one));
    const made = [...all].filter((one) => !wanted.has(one));
    const aside = await quarantineOf(house);
    expect({ missing, made, twice }).toEqual({ missing: [], made: [], twice: [] });
    expect(aside.map(({ row }) => idIn(row)).sort()).toEqual(truth.bad.map(({ id }) => id).sort());
    expect(new Set(aside.map(({ code }) => code))).toEqual(new Set(truth.bad.map(({ quarantine }) => quarantine)));
    const { counts } = kept;
    expect(counts.new).toBe(truth.readings.length);
    expect(counts.corrected).toBe(0);
    expect(counts.quarantined).toBe(truth.bad.length);
    expect(counts.validationFailures).toBe(truth.bad.length);
    expect(counts.received).toBe(counts.new + counts.duplicate + counts.quarantined);
    expect(kept.state).toBe('polling');
    if (fault === 'missing-interval') {
      const known = truth.missing.filter(({ from }) => Date.parse(from) > clock.now() - 200 * HOUR);
      expect(kept.missingIntervals).toBe(known.length);
      expect(kept.missingIntervals).toBeGreaterThan(0);
    } else if (!unplaceable.includes(fault)) expect(kept.missingIntervals).toBe(0);
  } finally {
    await house.stop();
  }
}

describe('A maker at fault', () => {
  it.each(faultNames)(
    'with %s loses no reading, doubles none, and is counted as it was (0-101, 0-102, 0-103)',
    (fault) => run('boston-scientific', fault),
    300_000,
  );

  const others = ['medtronic', 'abbott', 'biotronik'] as const;
  const telling = ['naive-timestamps', 'comma-decimals', 'unit-variants'] as const;
  const both = others.flatMap((maker) => telling.map((fault) => ({ maker, fault })));
  it.each(both)(
    '$maker with $fault is read as rightly, by its document alone (0-001, 0-116)',
    ({ maker, fault }) => run(maker, fault),
    300_000,
  );
});
