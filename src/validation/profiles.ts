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

let known: ReadonlyMap<string, Structure> | undefined;
const compiled = new Map<string, Profile | undefined>();

/** Every known profile by its canonical URL; read at the first resource that claims one. */
function structures(): ReadonlyMap<string, Structure> {
  if (known) return known;
  const own = readdirSync(folder)
    .filter((file) => /^StructureDefinition-.*\.json$/.test(file))
    .map((file) => cut(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))));
  const ofR4 = vitalSignsProfiles.map((id) => structureOf(id)!);
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

/** A profile without a snapshot says only what it adds to the profile that it is built on. */
function withBase(structure: Structure): Check {
  const own = compileProfile(structure);
  const base = structure.base === undefined ? undefined : profileAt(structure.base);
  if (!base || structure.base === structure.url) return own;
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
