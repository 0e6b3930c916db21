/** The profiles that this server knows: vital signs of R4 and what lies under profiles/. https://hl7.org/fhir/R4/profiling.html */
import { readdirSync, readFileSync } from 'node:fs';
import { type Structure, structureOf, vitalSignsProfiles } from '../fhir/definitions.ts';
import { cut, withoutVersion } from '../fhir/structure.ts';
import { compileProfile } from './overlay.ts';
import { type Check, fault, type Run } from './run.ts';

interface Profile {
  readonly type: string;
  readonly check: Check;
}

const folder = new URL('../../profiles/', import.meta.url);

interface Source extends Structure {
  /** Without a snapshot it says only what it adds to the profile that it is built on. */
  readonly isPartial: boolean;
}

let known: ReadonlyMap<string, Source> | undefined;
const compiled = new Map<string, Profile | undefined>();

/** Every known profile by its canonical URL; read at the first resource that claims one. */
function structures(): ReadonlyMap<string, Source> {
  if (known) return known;
  const own = readdirSync(folder)
    .filter((file) => /^StructureDefinition-.*\.json$/.test(file))
    .map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')))
    .map((definition) => ({ ...cut(definition), isPartial: definition.snapshot === undefined }));
  const ofR4 = vitalSignsProfiles.map((id) => ({ ...structureOf(id)!, isPartial: false }));
  return (known = new Map([...ofR4, ...own].map((structure) => [structure.url, structure])));
}

function profileAt(url: string): Profile | undefined {
  const structure = structures().get(url);
  if (!structure) return undefined; // many urls come from outside: nothing is kept of them
  let profile = compiled.get(url);
  if (!profile) {
    profile = { type: structure.type, check: withBase(structure) };
    compiled.set(url, profile);
  }
  return profile;
}

function withBase(source: Source): Check {
  const own = compileProfile(source);
  const base = source.isPartial && source.base !== source.url && profileAt(source.base ?? '');
  if (!base) return own;
  return (value, run) => {
    base.check(value, run);
    own(value, run);
  };
}

/** Checks a resource against each profile in `meta.profile`; those that are not known here are not looked at. */
export function checkProfiles(resource: any, run: Run): void {
  const claimed: unknown = resource.meta?.profile;
  if (!Array.isArray(claimed)) return;
  for (const [i, url] of claimed.entries()) {
    const profile = typeof url === 'string' ? profileAt(withoutVersion(url)) : undefined;
    if (!profile) continue;
    if (profile.type === resource.resourceType) profile.check(resource, run);
    else fault(run, 'structure', `this is a profile of ${profile.type}`, `meta.profile[${i}]`);
  }
}

/** The check of an extension that is defined here; undefined for any other. */
export function extensionProfile(url: string): Check | undefined {
  const profile = profileAt(url);
  return profile?.type === 'Extension' ? profile.check : undefined;
}
