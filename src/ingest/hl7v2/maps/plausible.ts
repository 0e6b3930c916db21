/** Vital signs that cannot be: they are set aside, as those of devices are. mappings/hl7v2/vitals.json, mappings/iot-vitals/README.md */
import { canonical as inBase } from '../../../fhir/units.ts';
import type { Result } from './result.ts';
import { type Plausible, plausibleOf, UCUM } from './tables.ts';

const isWithin = ({ value, system, code }: any, plausible: Plausible): boolean => {
  const number = Number(value.text ?? value);
  if (system !== UCUM) return true;
  const own = Object.hasOwn(plausible, code) ? plausible[code] : undefined;
  if (own) return number >= own[0] && number <= own[1];
  const given = inBase(number, code);
  for (const [unit, [low, high]] of Object.entries(plausible)) {
    const [least, most] = [inBase(low, unit), inBase(high, unit)];
    if (given && least && most && given.code === least.code)
      return given.value >= least.value && given.value <= most.value;
  }
  // A unit of something else: it claims to be no vital sign.
  return true;
};

/** What is taken back or was never measured has no value to be judged. */
const isMeasured = ({ status, absent }: Result): boolean =>
  absent === undefined && status !== 'entered-in-error' && status !== 'cancelled';

export function isPlausible(result: Result): boolean {
  const { vital, value, code } = result;
  const of = plausibleOf(vital, code?.coding ?? []);
  if (!of || !isMeasured(result)) return true;
  return value.values.every(({ valueQuantity: q }) => q === undefined || isWithin(q, of));
}

const amountOf = (result: Result | undefined) => {
  const { value, code } = result?.value.values[0]?.['valueQuantity'] ?? {};
  return value === undefined || !isMeasured(result!) ? undefined : { value: Number(value.text ?? value), code };
};

/** Whether systolic is above diastolic, where both are told. */
export function isPressure(parts: readonly Result[]): boolean {
  const [high, low] = ['systolic', 'diastolic'].map((name) => amountOf(parts.find(({ vital }) => vital === name)));
  return !high || !low || high.code !== low.code || high.value > low.value;
}
