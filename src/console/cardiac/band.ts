/** What is normal for a patient, and what is beyond it, by the limits that alerts go by, of this age, sex and device. docs/alerts.md */
import {
  interpretationOf,
  intervalsFor,
  inUnit,
  judge,
  type Measured,
  measuredIn,
  type Person,
} from '../../alerts/interpret.ts';
import { isImplant, isOfImplant } from '../../alerts/spoken.ts';
import type { Limit, Limits, Thresholds } from '../../alerts/thresholds.ts';
import { writeExact } from '../../fhir/json.ts';

export interface Band {
  readonly low?: number;
  readonly high?: number;
}

export interface Normal {
  /** For the band behind its chart. */
  readonly bandOf: (observation: any) => Band | undefined;
  /** Where it is beyond the limits, how: H, HH, L or LL. */
  readonly beyondIn: (observation: any) => string | undefined;
}

/** Of whom, of what devices, when. */
export interface Circumstances {
  readonly person: Person;
  /** Codes of the type of a Device, by its reference. */
  readonly kindsOf: ReadonlyMap<string, readonly string[]>;
  readonly canonical: string;
  readonly now: number;
}

const beyond: ReadonlySet<string | undefined> = new Set(['H', 'HH', 'L', 'LL']);

/** What the Observation says of itself, by the limits of this very patient. */
export const saidBeyond = ({ interpretation = [] }: any): string | undefined =>
  interpretation
    .flatMap(({ coding = [] }: any) => coding.map(({ code }: any) => code))
    .find((code: string) => beyond.has(code));

const judged: ReadonlySet<string | undefined> = new Set(['N', ...beyond]);
const isJudged = ({ interpretation = [] }: any): boolean =>
  interpretation.some(({ coding = [] }: any) => coding.some(({ code }: any) => judged.has(code)));

/** What limits ask of an Observation, with numbers of the language. */
const plain = ({ code, valueQuantity, device, meta }: any): any =>
  JSON.parse(writeExact({ code, valueQuantity, ...(device && { device }), ...(meta && { meta }) }));

/** `limits`: the first that know a code in its unit count. */
export function normalFor(limits: readonly Limits[], of: Circumstances): Normal {
  const kindsIn = ({ device }: any): readonly string[] => of.kindsOf.get(device?.reference) ?? [];
  const personOf = (observation: any): Person => ({ ...of.person, kinds: kindsIn(observation) });
  const isCardiac = ({ coding }: Measured): boolean =>
    limits.some((one) => coding.some(({ system, code }) => one['cardiac-limit'].has(`${system}|${code}`)));
  const layersOf = (observation: any, measured: Measured): readonly Thresholds[] => {
    const ofImplant =
      isOfImplant(observation, of.canonical) || (isImplant(kindsIn(observation)) && isCardiac(measured));
    return limits.map((one) => (ofImplant ? one['cardiac-limit'] : one.vital));
  };

  return {
    bandOf(exact) {
      const observation = plain(exact);
      const [measured] = measuredIn(observation);
      if (!measured) return undefined;
      const names = measured.coding.map(({ system, code }) => `${system}|${code}`);
      let low: number | undefined;
      let high: number | undefined;
      for (const table of layersOf(observation, measured).flatMap((known) => inOrder(known, names, measured))) {
        const found = intervalsFor(table, personOf(observation), of.now) ?? [];
        const normal = found.filter(({ kind }) => kind === 'normal');
        // Of several that are normal none is the band.
        if (normal.length !== 1) continue;
        // What one does not say, the next does.
        low ??= shown(normal[0]!.low, table.unit, measured);
        high ??= shown(normal[0]!.high, table.unit, measured);
      }
      if (low === undefined && high === undefined) return undefined;
      return { ...(low !== undefined && { low }), ...(high !== undefined && { high }) };
    },
    beyondIn(exact) {
      // What makers and others tell often comes without: it is held against today's limits.
      if (isJudged(exact)) return saidBeyond(exact);
      const observation = plain(exact);
      const [measured] = measuredIn(observation);
      const verdict = measured && judge(measured, personOf(observation), of.now, ...layersOf(observation, measured));
      const code = verdict && interpretationOf(verdict);
      return beyond.has(code) ? code : undefined;
    },
  };
}

/** The tables of one layer; one in the unit itself goes first, as where alerts are judged: others are no exact conversions of it. */
const inOrder = (known: Thresholds, names: readonly string[], { unit }: Measured) =>
  names.flatMap((name) => known.get(name) ?? []).sort((a, b) => Number(b.unit === unit) - Number(a.unit === unit));

/** A limit in the unit of what was measured. */
const shown = (limit: Limit | undefined, unit: string, { unit: measured }: Measured): number | undefined =>
  limit && measured !== undefined ? inUnit({ value: limit.value, unit }, measured) : undefined;
