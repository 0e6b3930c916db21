/** What stands beside a device or an alert in resources of its own. docs/cardiac.md */
import type { Parameters } from '../../interactions/interaction.ts';
import { escaped } from '../../search/escapes.ts';
import type { Search } from './asker.ts';
import { alertIdOf } from './rows.ts';

/** MDC: what is left of the battery, in percent. */
const BATTERY = 'urn:iso:std:iso:11073:10101|721536';

/** The newest that the patient's device reported, null where it never did. */
export async function batteryOf(device: any, search: Search): Promise<unknown> {
  const { matches } = await search('Observation', [
    ['patient', device.patient?.reference],
    ['device', `Device/${device.id}`],
    ['code', BATTERY],
    ['status:not', 'entered-in-error'],
    ['value-quantity:missing', 'false'],
    ['_sort', '-date'],
    ['_count', '1'],
  ]);
  return matches[0]?.valueQuantity?.value ?? null;
}

/** A lead is a part of the implant. */
export const withoutLeads = (canonical: string): Parameters[number] => [
  'type:not',
  `${canonical}/CodeSystem/cardiac-device-kind|lead`,
];

/** `Device/1` → when it was implanted, as precise as it was told. */
export async function implantDatesOf(
  devices: readonly any[],
  patient: string | undefined,
  search: Search,
): Promise<ReadonlyMap<string, string>> {
  if (devices.length === 0) return new Map();
  const dates = new Map<string, string>();
  for (let i = 0; i < devices.length; i += 100) {
    const { matches } = await search('DeviceUseStatement', [
      ...(patient === undefined ? [] : [['patient', patient] as const]),
      [
        'device',
        devices
          .slice(i, i + 100)
          .map(({ id }) => `Device/${id}`)
          .join(','),
      ],
      ['_sort', '_lastUpdated'],
      ['_count', '1000'],
    ]);
    // Of several uses of one device the newest counts.
    for (const { device, subject, timingPeriod } of matches) {
      const owner = devices.find(({ id }) => `Device/${id}` === device?.reference)?.patient?.reference;
      if (timingPeriod?.start !== undefined && subject?.reference === owner)
        dates.set(device.reference, timingPeriod.start);
    }
  }
  return dates;
}

/** The DetectedIssue of each alert, by the alert's id. */
export async function issuesOf(
  flags: readonly any[],
  search: Search,
  canonical: string,
): Promise<ReadonlyMap<string, any>> {
  const issues = new Map<string, any>();
  const subjects = new Map(flags.map((flag) => [alertIdOf(flag, canonical), flag.subject?.reference]));
  const ids = [...subjects.keys()];
  const system = `${canonical}/sid/alert`;
  for (let i = 0; i < ids.length; i += 50) {
    const named = ids.slice(i, i + 50).map((id) => `${escaped(system)}|${escaped(id)}`);
    const { matches } = await search('DetectedIssue', [
      ['identifier', named.join(',')],
      ['_count', '200'],
    ]);
    for (const issue of matches) {
      const id = issue.identifier.find((one: any) => one.system === system)?.value;
      if (issue.patient?.reference === subjects.get(id)) issues.set(id, issue);
    }
  }
  return issues;
}
