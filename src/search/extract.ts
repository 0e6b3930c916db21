/** All that one version of a resource is found by, as index entries. https://hl7.org/fhir/R4/search.html */
import { relativeTo } from '../fhir/own-base.ts';
import type { Resource } from '../fhir/references.ts';
import { canonicalsOf, hasCanonical } from './canonicals.ts';
import { ofWhole } from './composite-parts.ts';
import { enterContained, enterInside } from './contained-entries.ts';
import { branchesFor, compile } from './expression.ts';
import { laneEntries } from './fast-lane.ts';
import { enterWords } from './full-text.ts';
import { dropRepeats, emptyGathering, type Gathering, sizeOf } from './gathering.ts';
import { definitionsGeneration, untilDefinitionsChange } from './knowledge.ts';
import { missingEntry, tellsByEntries, usuallyPresent } from './missing.ts';
import type { Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import type { Sink } from './place.ts';
import { type GroupEntry, type IndexEntries, type KeyEntry, noEntries } from './query.ts';
import { sinkFor, typeTold } from './values.ts';

/**
 * The entries for every search parameter of the resource's type, without duplicates. A few microseconds for a vital sign once
 * its type is warm; the first resource of a type costs a few milliseconds. Nothing for an unknown type.
 */
export function extract(resource: Resource): IndexEntries {
  const known = remembered.get(resource);
  if (known?.generation === definitionsGeneration()) return known.entries;
  return extractorOf(resource.resourceType)?.(resource, false) ?? noEntries;
}

/** Of resources that are asked about before they are written; no parsed resource is ever changed. */
const remembered = new WeakMap<Resource, { readonly generation: number; readonly entries: IndexEntries }>();

/** The same, where it will be asked for again. */
export function extractOnce(resource: Resource): IndexEntries {
  const entries = extract(resource);
  remembered.set(resource, { generation: definitionsGeneration(), entries });
  return entries;
}

/** The entries of a stored text: absolute references below this server's base are its own, as relative ones are. */
export function extractorAt(base: string): (text: string) => IndexEntries {
  const relative = relativeTo(base);
  return (text) => extract(JSON.parse(relative(text)));
}

/** `isInner`: it stands inside another, and gets only what is found by a resource's own values. */
type Extractor = (resource: Resource, isInner: boolean) => IndexEntries;
const extractors = untilDefinitionsChange<Extractor>();

function extractorOf(type: string): Extractor | undefined {
  let extractor = extractors.get(type);
  if (extractor === undefined) {
    if (parametersOf(type).size === 0) return undefined;
    extractor = extractorFor(type);
    extractors.set(type, extractor);
  }
  return extractor;
}

const innerEntries = (inner: Resource): IndexEntries => extractorOf(inner.resourceType)?.(inner, true) ?? noEntries;

/** Indexes one parameter into the gathering of its extractor. */
type Step = (resource: Resource) => void;

function extractorFor(type: string): Extractor {
  let gathering: Gathering = emptyGathering();
  const into = () => gathering;
  const parameters = [...parametersOf(type).values()];
  const steps = parameters
    .filter((parameter) => parameter.branches.length > 0)
    .map((parameter) => stepFor(type, parameter, parameters, into));
  const groups = parameters.filter((one) => one.composite && one.composite.elements.length > 0).map(groupsOf(type));
  const isCalled = hasCanonical(type);
  return (resource, isInner) => {
    gathering = emptyGathering();
    for (const step of steps) step(resource);
    if (type === 'Observation' && !isInner) enterLane(resource, gathering);
    if (!isInner) enterWords(resource, gathering.words);
    for (const enter of groups) enter(resource, gathering);
    const whole = gathering; // a contained resource of the same type gathers anew
    if (!isInner && Array.isArray(resource['contained'])) {
      enterContained(resource, resource['contained'], whole, innerEntries);
    }
    if (!isInner) enterInside(resource, whole, innerEntries);
    return isCalled && !isInner ? { ...whole, canonicals: canonicalsOf(resource) } : whole;
  };
}

function stepFor(type: string, parameter: Parameter, all: readonly Parameter[], into: () => Gathering): Step {
  let found = false;
  const told = new Set<string>();
  const narrower = all.filter((one) => one.name === parameter.name && one.only !== undefined);
  const types = [...new Set(narrower.map(({ only }) => only!))];
  const visits = parameter.branches.map((branch) =>
    compile(branch, type, (place) => {
      const visit = sinkFor(parameter, place, into, types);
      return (value) => {
        found = true;
        const target = types.length > 0 ? typeTold(value) : undefined;
        if (target !== undefined) told.add(target);
        visit?.(value);
      };
    }),
  );
  const list = listOf(parameter);
  const note = presence(type, parameter, narrower);
  return (resource) => {
    const gathering = into();
    const { keys, references, ranges, texts } = gathering;
    const firstKey = keys.length;
    const firstReference = references.length;
    const firstRange = ranges.length;
    const firstText = texts.length;
    const start = gathering[list].length;
    found = false;
    if (types.length > 0) told.clear();
    for (const visit of visits) visit(resource);
    if (keys.length > firstKey + 1) dropRepeats(keys, firstKey);
    if (references.length > firstReference + 1) dropRepeats(references, firstReference);
    if (ranges.length > firstRange + 1) dropRepeats(ranges, firstRange);
    if (texts.length > firstText + 1) dropRepeats(texts, firstText);
    note?.(keys, found, gathering[list].length > start, told);
  };
}

/** The list whose entries tell by themselves that the parameter has a value. */
const listOf = ({ type }: Parameter): keyof Gathering =>
  type === 'string' || type === 'uri' ? 'texts' : type === 'token' || type === 'reference' ? 'keys' : 'ranges';

/** What `:missing` needs to know of a parameter and of those that share its entries. */
function presence(
  type: string,
  parameter: Parameter,
  narrower: readonly Parameter[],
): ((keys: KeyEntry[], found: boolean, entered: boolean, told: ReadonlySet<string>) => void) | undefined {
  const own = parameter.required ? undefined : parameter.code;
  if (own === undefined && narrower.length === 0) return undefined;
  const usual = usuallyPresent(type);
  const tell = (keys: KeyEntry[], code: string, present: boolean) => {
    if (present !== usual.has(code)) keys.push(missingEntry(type, code, !present));
  };
  const byEntries = tellsByEntries(parameter);
  return (keys, found, entered, told) => {
    if (own !== undefined) {
      if (!byEntries) tell(keys, own, found);
      else if (found && !entered) keys.push(missingEntry(type, own, false));
    }
    for (const { code, only } of narrower) tell(keys, code, told.has(only!));
  };
}

/** Writes one group for each element of a composite that has a value for every part. */
const groupsOf =
  (type: string) =>
  ({ code, name, composite }: Parameter): ((resource: Resource, gathering: Gathering) => void) => {
    const { elements, components, apart } = composite!;
    let group: Gathering = emptyGathering();
    const into = () => group;
    const parts = components.filter(({ ofResource }) => !ofResource);
    let among: GroupEntry[] = [];
    let whole: Resource;
    const visits = elements.map((element) =>
      compile(element, type, (place) => {
        const fill = parts.map(({ parameter, expression }) =>
          branchesFor('', expression).map((branch) => {
            const sink: Sink = (inner) => sinkFor(parameter, inner, into);
            const ofResource = ofWhole(branch);
            if (ofResource === undefined) return compile(branch, place.type, sink);
            const visit = compile(ofResource, type, sink);
            return () => visit(whole);
          }),
        );
        return (value) => {
          group = emptyGathering();
          for (const part of fill) {
            const before = sizeOf(group);
            for (const visit of part) visit(value);
            if (sizeOf(group) === before) return;
          }
          const { keys, references, ranges, texts } = group;
          among.push({ name, entries: { keys, references, ranges, texts } });
        };
      }),
    );
    return (resource, gathering) => {
      among = gathering.groups;
      whole = resource;
      const before = among.length;
      for (const visit of visits) visit(resource);
      if (among.length > before) gathering.keys.push(missingEntry(type, code, false));
      if (apart) for (const one of among.slice(before)) enterApart(one, gathering);
    };
  };

/** What leads to a group, where no other parameter of the resource has the same values. References are for includes to follow. */
function enterApart({ entries }: GroupEntry, { keys, ranges, texts }: Gathering): void {
  keys.push(...entries.keys);
  ranges.push(...entries.ranges);
  texts.push(...entries.texts);
}

function enterLane(observation: Resource, gathering: Gathering): void {
  const patient = gathering.references.find((entry) => entry.name === 'Observation.subject')?.target;
  const codings = observation['code']?.coding;
  if (patient === undefined) return;
  const times = gathering.ranges.filter((entry) => entry.name === 'Observation.date');
  const start = gathering.ranges.length;
  gathering.ranges.push(...laneEntries(patient, Array.isArray(codings) ? codings.filter(Boolean) : [], times));
  if (gathering.ranges.length > start + 1) dropRepeats(gathering.ranges, start);
}
