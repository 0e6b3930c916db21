/** A patient and a device as a line of a page names them. */
import { keyOf } from '../../fhir/references.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { makersNameOf, type Rows } from '../../translators/cardiac/rows.ts';
import { unlessForbidden } from './unless-forbidden.ts';

export interface PatientWords {
  readonly id: string;
  readonly name: string | null;
  /** `f`, `m`, or nothing. */
  readonly sex: string | null;
  /** Of the organization that looks after them. */
  readonly organization: string | null;
  /** In years, where the birth date tells. */
  readonly age: number | null;
}

const YEAR = 31_556_952_000;

/** `Doe, John`: what is official goes before a nickname. */
export function nameOf({ name = [] }: any): string | null {
  const one = name.find(({ use }: any) => use === 'official') ?? name.find(({ use }: any) => use !== 'old') ?? name[0];
  if (!one) return null;
  const both = [one.family, one.given?.join(' ')].filter(Boolean).join(', ');
  return both || one.text || null;
}

export function patientWords(
  patient: any,
  id: string,
  now: number,
  named: (reference: string | undefined) => string | null = () => null,
): PatientWords {
  const born = Date.parse(patient?.birthDate ?? '');
  return {
    id,
    name: patient ? nameOf(patient) : null,
    sex: ({ male: 'm', female: 'f' } as Record<string, string>)[patient?.gender] ?? null,
    organization: named(patient?.managingOrganization?.reference) ?? patient?.managingOrganization?.display ?? null,
    age: Number.isNaN(born) ? null : Math.max(0, Math.floor((now - born) / YEAR)),
  };
}

/** The medical record number: what is marked as one, else the first that is not of our making. https://terminology.hl7.org/CodeSystem-v2-0203.html */
export function mrnOf({ identifier = [] }: any): string | null {
  const marked = identifier.find(({ type }: any) => type?.coding?.some(({ code }: any) => code === 'MR'));
  return (marked ?? identifier.find(({ system = '' }: any) => !system.includes('/sid/')))?.value ?? null;
}

/** The last three of a number, so that two are told apart. */
export const masked = (number: string | null | undefined): string | null =>
  number ? `****${number.length > 5 ? number.slice(-3) : ''}` : null;

export interface DeviceLine {
  readonly id: string;
  /** What people call it: the maker's own id, or a name. */
  readonly name: string;
  readonly type: string;
  readonly maker: string | null;
  readonly model: string | null;
  readonly status: string;
}

/** `boston-scientific`, the name of a folder, as people write it. */
const makerInWords = (folder: string): string =>
  folder.replace(/(^|-)(\w)/g, (_, dash: string, letter: string) => (dash && ' ') + letter.toUpperCase());

export function deviceLine(device: any, rows: Rows, canonical: string): DeviceLine {
  const { device_id, manufacturer, model, device_type, status } = rows.device(device);
  const own = makersNameOf(device, canonical);
  return {
    id: device.id,
    name: own?.id ?? device.deviceName?.[0]?.name ?? device_id,
    type: device_type,
    maker: own ? makerInWords(own.maker) : manufacturer,
    model,
    status,
  };
}

/** Whom alerts have to do with, and what each is called by. */
const called: Readonly<Record<string, (resource: any, all: ReadonlyMap<string, any>) => string | null | undefined>> = {
  Practitioner: nameOf,
  RelatedPerson: nameOf,
  Organization: ({ name }) => name,
  CareTeam: ({ name }) => name,
  HealthcareService: ({ name }) => name,
  PractitionerRole: ({ practitioner }, all) =>
    practitioner?.display ?? nameOf(all.get(practitioner?.reference) ?? {}) ?? undefined,
};

async function namesOfType(type: string, ids: readonly string[], search: Search): Promise<readonly [string, string][]> {
  const names: [string, string][] = [];
  for (let i = 0; i < ids.length; i += 100) {
    const asked: Parameters = [
      ['_id', ids.slice(i, i + 100).join(',')],
      ['_count', '100'],
      ...(type === 'PractitionerRole' ? [['_include', 'PractitionerRole:practitioner'] as const] : []),
    ];
    const { matches, all } = await unlessForbidden(search(type, asked));
    for (const one of matches) {
      const name = called[type]!(one, all);
      if (name) names.push([`${type}/${one.id}`, name]);
    }
  }
  return names;
}

/** `Practitioner/7` → what people call them: whom the caller may not see, and who has no name, by what is written beside the reference, else by that itself. */
export async function namesOf(
  references: Iterable<string>,
  search: Search,
): Promise<(reference: string | undefined, display?: string) => string | null> {
  const ids = new Map<string, string[]>();
  for (const one of new Set(references)) {
    const key = keyOf(one);
    if (key && Object.hasOwn(called, key.type)) ids.set(key.type, [...(ids.get(key.type) ?? []), key.id]);
  }
  const found = await Promise.all([...ids].map(([type, some]) => namesOfType(type, some, search)));
  const names = new Map(found.flat());
  return (reference, display) =>
    reference === undefined ? (display ?? null) : (names.get(reference) ?? display ?? reference);
}
