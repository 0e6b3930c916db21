/** A patient and a device as a line of a page names them. */
import { Problem } from '../../fhir/outcome.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { makersNameOf, type Rows } from '../../translators/cardiac/rows.ts';

export interface PatientWords {
  readonly id: string;
  readonly name: string | null;
  /** `f`, `m`, or nothing. */
  readonly sex: string | null;
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

export function patientWords(patient: any, id: string, now: number): PatientWords {
  const born = Date.parse(patient?.birthDate ?? '');
  return {
    id,
    name: patient ? nameOf(patient) : null,
    sex: ({ male: 'm', female: 'f' } as Record<string, string>)[patient?.gender] ?? null,
    age: Number.isNaN(born) ? null : Math.max(0, Math.floor((now - born) / YEAR)),
  };
}

export interface DeviceLine {
  readonly id: string;
  /** What people call it: the maker's own id, or a name. */
  readonly name: string;
  readonly type: string;
  readonly maker: string | null;
  readonly model: string | null;
  readonly status: string;
}

export function deviceLine(device: any, rows: Rows, canonical: string): DeviceLine {
  const { device_id, manufacturer, model, device_type, status } = rows.device(device);
  return {
    id: device.id,
    name: makersNameOf(device, canonical)?.id ?? device.deviceName?.[0]?.name ?? device_id,
    type: device_type,
    maker: manufacturer,
    model,
    status,
  };
}

/** `Practitioner/7` → what people call them; whom the caller may not see keeps the reference. */
export async function namesOf(
  references: Iterable<string>,
  search: Search,
): Promise<(reference: string | undefined) => string | null> {
  const ids = [...new Set(references)].flatMap((one) => /^Practitioner\/([A-Za-z0-9\-.]{1,64})$/.exec(one)?.[1] ?? []);
  const names = new Map<string, string>();
  for (let i = 0; i < ids.length; i += 100) {
    const asked: Parameters = [
      ['_id', ids.slice(i, i + 100).join(',')],
      ['_count', '100'],
    ];
    const { matches } = await search('Practitioner', asked).catch((error: unknown) => {
      if (error instanceof Problem && error.status === 403) return { matches: [] };
      throw error;
    });
    for (const one of matches) names.set(`Practitioner/${one.id}`, nameOf(one) ?? one.id);
  }
  return (reference) => (reference === undefined ? null : (names.get(reference) ?? reference));
}
