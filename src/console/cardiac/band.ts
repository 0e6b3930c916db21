/** What is normal for a patient, for the band behind a chart: the limits that alerts go by, of this age, sex and device. docs/alerts.md */
import { intervalsFor, measuredIn, type Person } from '../../alerts/interpret.ts';
import type { Limits } from '../../alerts/thresholds.ts';
import { writeExact } from '../../fhir/json.ts';

export interface Band {
  readonly low?: number;
  readonly high?: number;
}
export type BandFor = (observation: any) => Band | undefined;

/** `limits`: the first that know a code in its unit count. `kindsOf`: codes of the type of a Device, by its reference. */
export function bandsFor(
  limits: readonly Limits[],
  person: Person,
  kindsOf: ReadonlyMap<string, readonly string[]>,
  now: number,
): BandFor {
  return (observation) => {
    const [measured] = measuredIn(JSON.parse(writeExact(observation)));
    if (!measured) return undefined;
    const kinds = kindsOf.get(observation.device?.reference) ?? [];
    const names = measured.coding.map(({ system, code }) => `${system}|${code}`);
    const tables = limits.flatMap((of) =>
      [of['cardiac-limit'], of.vital].flatMap((known) => names.flatMap((name) => known.get(name) ?? [])),
    );
    for (const table of tables) {
      if (table.unit !== measured.unit) continue;
      const normal = intervalsFor(table, { ...person, kinds }, now)?.filter(({ kind }) => kind === 'normal') ?? [];
      // Of several that are normal none is the band.
      if (normal.length !== 1) continue;
      const { low, high } = normal[0]!;
      return { ...(low && { low: low.value }), ...(high && { high: high.value }) };
    }
    return undefined;
  };
}
