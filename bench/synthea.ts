/** Synthea-like patients without end: copies of the published bundles with ids, names, identifiers and days of their own, the same for the same number. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chance } from './data.ts';

export interface Resource {
  readonly resourceType: string;
  readonly id: string;
  readonly [element: string]: any;
}

/** The resources of one published bundle, its Patient first. */
export type Source = readonly Resource[];

/** Reads smart-synthea-r4-dev.tar.xz; throws where tar or xz is missing. */
export function readSources(archive: string): readonly Source[] {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-synthea-'));
  try {
    execFileSync('tar', ['-xJf', archive, '-C', folder]);
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).entry.map((entry: any) => entry.resource));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One organisation and practitioner serves the copies of this many patients. */
const shared: ReadonlySet<string> = new Set(['Organization', 'Practitioner']);
const patientsPerPractice = 20;
const DAY = 86_400_000;

const uuid = (text: string): string => {
  const hash = createHash('sha256').update(text).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
};

/**
 * The resources of patient `n`, about `observations` Observations among them: those of its bundle are repeated at earlier days
 * until there are as many. References lead only to resources of this patient or to practices that come with it.
 */
export function patientOf(sources: readonly Source[], n: number, observations: number): readonly Resource[] {
  const source = sources[n % sources.length]!;
  const round = Math.floor(n / sources.length);
  const types = new Map(source.map(({ id, resourceType }) => [id, resourceType]));
  const days = Math.floor(chance(n, 11) * 900);
  const made = source.map((resource) => copy(resource, { types, n, round, days, repeat: 0 }));
  const readings = source.filter(({ resourceType }) => resourceType === 'Observation');
  for (let repeat = 1, left = observations - readings.length; left > 0 && readings.length > 0; repeat++) {
    for (const reading of readings.slice(0, left)) {
      made.push(copy(reading, { types, n, round, days: days + repeat * 31, repeat }));
    }
    left -= readings.length;
  }
  return made;
}

interface Copying {
  readonly types: ReadonlyMap<string, string>;
  readonly n: number;
  readonly round: number;
  readonly days: number;
  readonly repeat: number;
}

function copy(resource: Resource, copying: Copying): Resource {
  const { types, n, round, days, repeat } = copying;
  const idOf = (id: string, again: number): string =>
    shared.has(types.get(id)!) ? uuid(`${id} ${Math.floor(round / patientsPerPractice)}`) : uuid(`${id} ${n} ${again}`);
  const text = JSON.stringify(resource, (_, value) => {
    if (typeof value !== 'string') return value;
    if (value.startsWith('urn:uuid:')) {
      const id = value.slice(9);
      // What a repeated reading refers to is not repeated with it.
      return types.has(id) ? `${types.get(id)}/${idOf(id, 0)}` : value;
    }
    return /^\d{4}-\d\d-\d\d(T|$)/.test(value) ? earlier(value, days) : value;
  });
  const made = { ...JSON.parse(text), id: idOf(resource.id, repeat) };
  return resource.resourceType === 'Patient' ? person(made, copying) : made;
}

/** The same time of another day, in the form it had. */
function earlier(moment: string, days: number): string {
  const day = new Date(Date.parse(moment.slice(0, 10)) - days * DAY).toISOString().slice(0, 10);
  return day + moment.slice(10);
}

const letters = (name: string): string => name.replace(/\d+/g, '');

function person(patient: Resource, { n, types, round }: Copying): Resource {
  const practitioner = [...types].find(([, type]) => type === 'Practitioner')?.[0];
  return {
    ...patient,
    identifier: patient['identifier'].map((one: any) => ({ ...one, value: `${one.value}-${n}` })),
    name: patient['name'].map((name: any) => ({
      ...name,
      family: `${letters(name.family)}${n % 97}`,
      given: name.given.map((given: string, i: number) => `${letters(given)}${i === 0 ? n : ''}`),
    })),
    ...(practitioner && {
      generalPractitioner: [
        { reference: `Practitioner/${uuid(`${practitioner} ${Math.floor(round / patientsPerPractice)}`)}` },
      ],
    }),
  };
}
