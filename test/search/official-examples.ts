/** A house with the official examples of R4, and whether its search parameters find them by nothing but their definitions. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { openHouse, type TestHouse, together } from '../support/house.ts';
import { refusedExamples } from '../support/refused-examples.ts';
import { sharedData, without } from '../support/shared-data.ts';
import { filesOf } from '../support/tgz.ts';
import { type Asked, asAsked, type Example, exampleOf, holds, parametersIn, type Wanted } from './by-definition.ts';

const examples = sharedData('r4-examples/instances.ndjson.gz');
const core = sharedData('r4-core/hl7.fhir.r4.core-4.0.1.tgz');
/** Said where the data is not there. */
export const skipped = without(examples, 'the official examples') || without(core, 'the R4 definitions');

/** In the package as examples of SearchParameters, and no part of the registry. */
const noRegistry = /^(example|example-extension|example-reference)$/;
/** Asked in a way of their own (parse, filter and words tests), not by the value of an element. */
const noValue = new Set(['_query', '_filter', '_text', '_content']);
/** Where `:missing` of the parameters that every type has is tried. */
const sample = new Set(['Patient', 'Observation', 'Condition', 'CodeSystem', 'AuditEvent', 'Questionnaire', 'List']);
let house: TestHouse | undefined;
let asked: readonly Asked[] = [];
/** As they were stored, by type. */
const stored = new Map<string, Map<string, any>>();

/** The conformance resources of the package itself stand in for the examples that the registry does not have. */
const conformance =
  /^package\/(CapabilityStatement|CodeSystem|ConceptMap|CompartmentDefinition|NamingSystem|OperationDefinition|SearchParameter|StructureDefinition|ValueSet|ImplementationGuide|StructureMap)-/;
const mostOfType = 30;

/** Stores all examples; gives the parameters that can be searched by a value, once for each type that has them. */
export async function openExamples(): Promise<readonly Asked[]> {
  house = await openHouse();
  asked = parametersIn(core!).filter(({ id }) => !noRegistry.test(id));
  const counts = new Map<string, number>();
  const definitions = filesOf(core!, (name) => conformance.test(name)).flatMap(([name, text]) => {
    const type = conformance.exec(name)![1]!;
    const many = (counts.get(type) ?? 0) + 1;
    counts.set(type, many);
    return many > mostOfType || text.length > 200_000 ? [] : [text];
  });
  const lines = gunzipSync(readFileSync(examples!)).toString('utf8').split('\n').filter(Boolean);
  const sent = [...lines.filter((line) => !isRefused(JSON.parse(line))), ...definitions];
  await together(8, async (lane) => {
    for (let i = lane; i < sent.length; i += 8) {
      const { resourceType, id } = JSON.parse(sent[i]!);
      const own = id === undefined || resourceType === 'AuditEvent'; // created, never updated
      const answer = await house!.ask(own ? 'POST' : 'PUT', `/fhir/${resourceType}${own ? '' : `/${id}`}`, sent[i]!);
      if (answer.status >= 300) {
        if (i < lines.length) throw new Error(`${resourceType}/${id}: ${answer.status} ${answer.text}`);
        continue; // a definition of the package that this server refuses is no example
      }
      const known = stored.get(resourceType) ?? new Map();
      stored.set(resourceType, known.set(answer.body.id, answer.body));
    }
  });
  return perType().filter(({ code }) => !noValue.has(code));
}

export const closeExamples = async (): Promise<void> => house?.stop();

const isRefused = ({ resourceType, id }: any): boolean => Object.hasOwn(refusedExamples, `${resourceType}/${id}`);

/** Ids of the stored examples that a search finds, over all pages. */
async function search(type: string, query: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let next: string | undefined = `/fhir/${type}?${query}&_count=1000`; next; ) {
    const page = await house!.ask('GET', next, undefined, { prefer: 'handling=strict' });
    if (page.status !== 200) throw new Error(`${page.status} ${page.body?.issue?.[0]?.diagnostics}`);
    for (const { resource } of page.body.entry ?? []) if (stored.get(type)?.has(resource.id)) ids.add(resource.id);
    next = page.body.link.find((link: any) => link.relation === 'next')?.url;
  }
  return ids;
}

/** Each parameter for each type that has it, those of all resources for the types that have examples. */
function perType(): readonly Asked[] {
  return asked.flatMap((one) =>
    one.type === 'Resource' || one.type === 'DomainResource'
      ? [...stored.keys()].map((type) => ({ ...one, type }))
      : [one],
  );
}

function examplesOf(parameter: Asked): readonly Example[] {
  const kinds = new Map(asked.map(({ url, kind }) => [url, kind]));
  const resources = [...(stored.get(parameter.type) ?? new Map())];
  return resources.map(([id, resource]) => exampleOf(parameter, id, resource, (url) => kinds.get(url)!));
}

/** A different value of each of a few examples: the first words of strings. */
function choose(parameter: Asked, all: readonly Example[]): readonly { id: string; wanted: Wanted }[] {
  const chosen = new Map<string, { id: string; wanted: Wanted }>();
  for (const { id, values } of all) {
    for (const one of [values[0], values.at(-1)]) {
      if (one === undefined || chosen.size >= 4) continue;
      const wanted = asAsked(parameter, one);
      if (!chosen.has(wanted.value)) chosen.set(wanted.value, { id, wanted });
    }
  }
  return [...chosen.values()];
}

async function faultsOf(parameter: Asked, all: readonly Example[]): Promise<readonly string[]> {
  const { type, code, kind } = parameter;
  const faults: string[] = [];
  const complain = (query: string, what: string) => faults.push(`${type}?${query}: ${what}`);
  const compare = async (query: string, expected: readonly string[], allowed: readonly string[]) => {
    try {
      const found = await search(type, query);
      const missed = expected.filter((id) => !found.has(id));
      const excess = [...found].filter((id) => !allowed.includes(id));
      if (missed.length > 0) complain(query, `misses ${missed.slice(0, 3)} of ${expected.length}`);
      if (excess.length > 0) complain(query, `finds ${excess.slice(0, 3)}, too many by ${excess.length}`);
    } catch (error) {
      complain(query, (error as Error).message);
    }
  };
  for (const { id, wanted } of choose(parameter, all)) {
    const fitting = all.filter((one) => holds(parameter, wanted, one)).map((one) => one.id);
    await compare(`${code}=${encodeURIComponent(wanted.value)}`, wanted.exact ? fitting : [id], fitting);
  }
  if (kind !== 'composite' && kind !== 'special' && all.length > 0 && (!code.startsWith('_') || sample.has(type))) {
    const ids = (some: readonly Example[]) => some.map(({ id }) => id);
    // A value that nothing can search, such as a CodeableConcept of text alone, may count either way.
    const unclear = all.filter(({ present, values }) => present && values.length === 0);
    const holders = ids(all.filter(({ values }) => values.length > 0));
    const others = ids(all.filter(({ present }) => !present));
    await compare(`${code}:missing=false`, holders, [...holders, ...ids(unclear)]);
    await compare(`${code}:missing=true`, others, [...others, ...ids(unclear)]);
  }
  return faults;
}

/** What is wrong with the answers to searches by these parameters, which of them no example has a value for, and how many have one. */
export async function check(parameters: readonly Asked[]) {
  const faults: string[] = [];
  const unseen: Asked[] = [];
  let searched = 0;
  await together(4, async (lane) => {
    for (let i = lane; i < parameters.length; i += 4) {
      const parameter = parameters[i]!;
      const held = examplesOf(parameter);
      if (!held.some(({ values }) => values.length > 0)) unseen.push(parameter);
      else searched++;
      faults.push(...(await faultsOf(parameter, held)));
    }
  });
  return { faults: faults.sort(), unseen, searched };
}
