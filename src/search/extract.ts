/** All that one version of a resource is found by, as index entries. https://hl7.org/fhir/R4/search.html */
import type { Resource } from '../fhir/references.ts';
import { compile } from './expression.ts';
import { laneEntries } from './fast-lane.ts';
import { missingEntry, usuallyPresent } from './missing.ts';
import { type Parameter, parametersOf } from './parameters.ts';
import { type IndexEntries, noEntries } from './query.ts';
import { emptyGathering, type Gathering, sinkFor } from './values.ts';

/**
 * The entries for every search parameter of the resource's type, without duplicates. A few microseconds for a vital sign once
 * its type is warm; the first resource of a type costs a few milliseconds. Nothing for an unknown type.
 */
export function extract(resource: Resource): IndexEntries {
  const type = resource.resourceType;
  let extractor = extractors.get(type);
  if (extractor === undefined) {
    if (parametersOf(type).size === 0) return noEntries;
    extractor = extractorFor(type);
    extractors.set(type, extractor);
  }
  return extractor(resource);
}

const extractors = new Map<string, (resource: Resource) => IndexEntries>();

/** Indexes one parameter into the gathering of its extractor. */
type Step = (resource: Resource) => void;

function extractorFor(type: string): (resource: Resource) => IndexEntries {
  let gathering: Gathering = emptyGathering();
  const into = () => gathering;
  const parameters = [...parametersOf(type).values()];
  const steps = parameters
    .filter((parameter) => parameter.branches.length > 0)
    .map((parameter) => stepFor(type, parameter, parameters, into));
  return (resource) => {
    gathering = emptyGathering();
    for (const step of steps) step(resource);
    if (type === 'Observation') enterLane(resource, gathering);
    return gathering;
  };
}

function stepFor(type: string, parameter: Parameter, all: readonly Parameter[], into: () => Gathering): Step {
  let found = false;
  const visits = parameter.branches.map((branch) =>
    compile(branch, type, (place) => {
      const visit = sinkFor(parameter, place, into);
      return (value) => {
        found = true;
        visit?.(value);
      };
    }),
  );
  const list = listOf(parameter);
  const note = presence(type, parameter, all);
  return (resource) => {
    const gathering = into();
    const start = gathering[list].length;
    found = false;
    for (const visit of visits) visit(resource);
    if (gathering[list].length > start + 1) dropRepeats(gathering, list, start);
    note?.(gathering, found, list === 'references' ? start : 0);
  };
}

const listOf = ({ type }: Parameter): keyof Gathering =>
  type === 'reference'
    ? 'references'
    : type === 'string'
      ? 'texts'
      : type === 'token' || type === 'uri'
        ? 'keys'
        : 'ranges';

/** What `:missing` needs to know of a parameter and of those that share its entries. */
function presence(
  type: string,
  parameter: Parameter,
  all: readonly Parameter[],
): ((gathering: Gathering, found: boolean, start: number) => void) | undefined {
  if (!['token', 'uri', 'reference'].includes(parameter.type) || parameter.code.startsWith('_')) return undefined;
  const own = parameter.required ? undefined : parameter.code;
  const narrower = all.filter((one) => one.name === parameter.name && one.only !== undefined);
  if (own === undefined && narrower.length === 0) return undefined;
  const usual = usuallyPresent(type);
  const tell = (gathering: Gathering, code: string, present: boolean) => {
    if (present !== usual.has(code)) gathering.keys.push(missingEntry(type, code, !present));
  };
  return (gathering, found, start) => {
    if (own !== undefined) tell(gathering, own, found);
    for (const { code, only } of narrower) {
      const prefix = `${only}/`;
      let present = false;
      for (let i = start; i < gathering.references.length && !present; i++) {
        present = gathering.references[i]!.target.startsWith(prefix);
      }
      tell(gathering, code, present);
    }
  };
}

function dropRepeats(gathering: Gathering, list: keyof Gathering, start: number): void {
  const entries: any[] = gathering[list];
  const many = entries.length - start > 16 ? new Set<string>() : undefined;
  let kept = start;
  for (let i = start; i < entries.length; i++) {
    const repeated = many
      ? isKnown(many, entries[i])
      : entries.slice(start, kept).some((one) => isSame(one, entries[i]));
    if (!repeated) entries[kept++] = entries[i];
  }
  entries.length = kept;
}

function isKnown(known: Set<string>, entry: object): boolean {
  const before = known.size;
  known.add(JSON.stringify(entry));
  return known.size === before;
}

const isSame = (one: any, other: any): boolean =>
  one.name === other.name &&
  one.first === other.first &&
  one.second === other.second &&
  one.target === other.target &&
  one.low === other.low &&
  one.high === other.high &&
  one.original === other.original;

function enterLane(observation: Resource, gathering: Gathering): void {
  const patient = gathering.references.find((entry) => entry.name === 'Observation.subject')?.target;
  const codings = observation['code']?.coding;
  if (patient === undefined || !Array.isArray(codings)) return;
  const times = gathering.ranges.filter((entry) => entry.name === 'Observation.date');
  const start = gathering.ranges.length;
  gathering.ranges.push(...laneEntries(patient, codings.filter(Boolean), times));
  if (gathering.ranges.length > start + 1) dropRepeats(gathering, 'ranges', start);
}
