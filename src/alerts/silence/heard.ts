/** What of an Observation says that a device lives: that it came, of an implant when its monitor had contact. docs/alerts.md#silent-devices */
import { keyOf, type Resource, type ResourceKey } from '../../fhir/references.ts';
import { isDerived } from '../derived/derived.ts';
import { deviceOf, instantOf, isOfImplant, isSpoken, patientOf } from '../spoken.ts';
import { DAY, type Heard, VISIT } from './rhythm.ts';

export interface HeardOf extends Heard {
  readonly device: ResourceKey;
}

/** `arrived` by the clock of the server, in milliseconds. */
export function heardIn(observation: Resource, arrived: number, canonical: string): HeardOf | undefined {
  if (isDerived(observation, canonical) || !isSpoken(observation)) return undefined;
  const device = keyOf(observation['device']?.reference ?? deviceOf(observation) ?? '');
  if (device?.type !== 'Device') return undefined;
  const patient = patientOf(observation);
  const whose = patient === undefined ? {} : { patient };
  const place = { device, ...whose };
  if (observation.meta?.profile?.includes(`${canonical}/StructureDefinition/cied-connectivity`)) {
    const at = contactIn(observation, canonical);
    return at === undefined || at > arrived + VISIT ? undefined : { ...place, at, isImplant: true };
  }
  if (!isOfImplant(observation, canonical)) return { ...place, at: arrived, isImplant: false };
  // What a maker hands over later is no contact of today.
  return { ...place, at: Math.min(arrived, instantOf(observation, arrived)), isImplant: true };
}

function contactIn({ component }: Resource & { component?: any }, canonical: string): number | undefined {
  const system = `${canonical}/CodeSystem/cied-connectivity`;
  const last = component?.find(({ code }: any) =>
    code?.coding?.some((one: any) => one.system === system && one.code === 'last-connectivity'),
  )?.valueDateTime;
  const at = Date.parse(last);
  return Number.isNaN(at) ? undefined : at;
}

const units: Readonly<Record<string, number>> = { min: 60_000, h: 3_600_000, d: 86_400_000 };

/** Nobody waits longer: a timer of any year that somebody mistyped would stand in the wrong place of the order. */
const LONGEST = 3_650 * DAY;

/** What a Device says itself, in milliseconds: 0 where nobody is to watch it. */
export function ownLimit(device: Resource, canonical: string): number | undefined {
  const url = `${canonical}/StructureDefinition/silent-after`;
  const { value, code } = device['extension']?.find((one: any) => one.url === url)?.valueDuration ?? {};
  if (value === 0) return 0;
  const each = units[code ?? ''];
  return typeof value === 'number' && value > 0 && each !== undefined ? Math.min(value * each, LONGEST) : undefined;
}

/** Of one that is put away nobody expects anything. */
export const isInUse = (device: Resource): boolean => (device['status'] ?? 'active') === 'active';
