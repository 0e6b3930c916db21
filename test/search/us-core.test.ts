/** Every search parameter and combination that US Core 6.1 asks of a server, with its examples. https://hl7.org/fhir/us/core/STU6.1/CapabilityStatement-us-core-server.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../support/house.ts';
import { sharedData, without } from '../support/shared-data.ts';
import { filesOf } from '../support/tgz.ts';
import {
  type Asked,
  asAsked,
  asFound,
  type Example,
  evaluate,
  exampleOf,
  holds,
  parametersIn,
} from './by-definition.ts';

const usCore = sharedData('us-core/us_core_610.tgz');
const core = sharedData('r4-core/hl7.fhir.r4.core-4.0.1.tgz');
const skipped = without(usCore, 'the US Core examples') || without(core, 'the R4 definitions');
const onlyWithData = skipped ? it.skip : it;

const combination = 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination';

/** One has an empty element. */
const refusedExamples = ['Patient/example-targeted-provenance: must not be empty (ele-1)'];

/** The narratives of questionnaires have styles that this server refuses; their content is what is searched here. */
const plain = ({ text, ...example }: any): any =>
  example.resourceType.startsWith('Questionnaire') ? example : { ...example, text };

/** What no example of US Core has values for. */
const notShown = [
  'CarePlan?date',
  'CarePlan?patient&category&status&date',
  'CarePlan?patient&category&date',
  'Encounter?identifier',
  'PractitionerRole?specialty',
  'PractitionerRole?practitioner',
];

interface Required {
  readonly type: string;
  readonly parameters: readonly string[];
  readonly combinations: readonly (readonly string[])[];
  readonly includes: readonly string[];
  readonly revincludes: readonly string[];
}

let house: TestHouse;
const required: Required[] = [];
const definitions = new Map<string, Asked>();
/** By type and id, as stored. */
const stored = new Map<string, Map<string, any>>();

beforeAll(async () => {
  if (skipped) return;
  house = await openHouse();
  for (const one of [...parametersIn(core!), ...parametersIn(usCore!)]) {
    const known = definitions.get(`${one.type}.${one.code}`);
    definitions.set(`${one.type}.${one.code}`, known ?? one);
  }
  readCapability();
  await addParameters();
  const examples = filesOf(usCore!, (name) => /^package\/example\/[^.].*\.json$/.test(name)).map(([, text]) => text);
  const refused: string[] = [];
  await together(4, async (lane) => {
    for (let i = lane; i < examples.length; i += 4) {
      const example = plain(JSON.parse(examples[i]!));
      const { status, body } = await house.update(example);
      if (status >= 300) refused.push(`${example.resourceType}/${example.id}: ${body?.issue?.[0]?.diagnostics}`);
      else stored.set(example.resourceType, (stored.get(example.resourceType) ?? new Map()).set(example.id, body));
    }
  });
  expect(refused).toEqual(refusedExamples);
}, 60_000);
afterAll(() => house?.stop());

function readCapability(): void {
  const [[, text]] = filesOf(usCore!, (name) => name === 'package/CapabilityStatement-us-core-server.json') as any;
  for (const resource of JSON.parse(text).rest[0].resource) {
    required.push({
      type: resource.type,
      parameters: (resource.searchParam ?? []).map(({ name }: any) => name),
      combinations: (resource.extension ?? [])
        .filter(({ url }: any) => url === combination)
        .map(({ extension }: any) => extension.filter(({ url }: any) => url === 'required'))
        .map((parts: any[]) => parts.map(({ valueString }) => valueString)),
      includes: resource.searchInclude ?? [],
      revincludes: resource.searchRevInclude ?? [],
    });
  }
}

/** Those that R4 does not have itself are brought along as SearchParameters, as an operator would. */
async function addParameters(): Promise<void> {
  const base = new Set(parametersIn(core!).map(({ type, code }) => `${type}.${code}`));
  const own = new Set(
    required.flatMap(({ type, parameters }) =>
      parameters
        .filter((code) => !base.has(`${type}.${code}`) && !code.startsWith('_'))
        .map((code) => definitions.get(`${type}.${code}`)!.id),
    ),
  );
  for (const [, text] of filesOf(usCore!, (name) => /^package\/SearchParameter-.*\.json$/.test(name))) {
    if (!own.has(JSON.parse(text).id)) continue;
    const answer = await house.update(JSON.parse(text));
    if (answer.status >= 300) throw new Error(`${JSON.parse(text).id}: ${answer.status} ${answer.text}`);
  }
}

function parameterOf(type: string, code: string): Asked {
  const found = definitions.get(`${type}.${code}`) ?? definitions.get(`Resource.${code}`);
  if (found === undefined) throw new Error(`no definition of ${type}.${code}`);
  return found;
}

const resourcesOf = (type: string): readonly [string, any][] => [...(stored.get(type) ?? new Map())];

async function search(type: string, query: string): Promise<{ matches: Set<string>; included: Set<string> }> {
  const page = await house.ask('GET', `/fhir/${type}?${query}&_count=1000`, undefined, { prefer: 'handling=strict' });
  if (page.status !== 200) throw new Error(`${type}?${query}: ${page.status} ${page.body?.issue?.[0]?.diagnostics}`);
  const [matches, included] = [new Set<string>(), new Set<string>()];
  for (const { resource, search } of page.body.entry ?? []) {
    if (search.mode === 'match') matches.add(resource.id);
    else included.add(`${resource.resourceType}/${resource.id}`);
  }
  return { matches, included };
}

const mostExamples = 6;

/** Searches with the values of a few examples that have them all; false where none has. */
async function tryOut(type: string, codes: readonly string[], faults: string[]): Promise<boolean> {
  const parameters = codes.map((code) => parameterOf(type, code));
  const rows = resourcesOf(type).map(([id, resource]) =>
    parameters.map((parameter) => exampleOf(parameter, id, resource, () => '')),
  );
  const full = rows.filter((row) => row.every(({ values }) => values.length > 0));
  for (const row of full.slice(0, mostExamples)) {
    const asked = row.map(({ values }, i) => asAsked(parameters[i]!, values[0]!));
    const fits = (other: readonly Example[]) => other.every((one, i) => holds(parameters[i]!, asked[i]!, one));
    const allowed = new Set(rows.filter(fits).map(([first]) => first!.id));
    const query = codes.map((code, i) => `${code}=${encodeURIComponent(asked[i]!.value)}`).join('&');
    try {
      const { matches } = await search(type, query);
      const expected = asked.every(({ exact }) => exact) ? allowed : new Set([row[0]!.id]);
      for (const id of expected) if (!matches.has(id)) faults.push(`${type}?${query} misses ${id}`);
      for (const id of matches) if (!allowed.has(id)) faults.push(`${type}?${query} finds ${id}`);
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  return full.length > 0;
}

describe('US Core 6.1', () => {
  onlyWithData('is answered in each parameter alone and in each combination', async () => {
    const faults: string[] = [];
    const unseen: string[] = [];
    let [alone, together] = [0, 0];
    for (const { type, parameters, combinations } of required) {
      for (const codes of [...parameters.map((code) => [code]), ...combinations]) {
        if (!(await tryOut(type, codes, faults))) unseen.push(`${type}?${codes.join('&')}`);
        else if (codes.length === 1) alone++;
        else together++;
      }
    }
    process.stderr.write(`${alone} parameters and ${together} combinations of US Core\n`);
    expect(faults).toEqual([]);
    expect(unseen).toEqual(notShown);
  });

  onlyWithData('has the dates in the four prefixes that it asks for', async () => {
    const faults: string[] = [];
    for (const { type, parameters } of required) {
      for (const code of parameters) {
        const parameter = parameterOf(type, code);
        if (parameter.kind !== 'date') continue;
        for (const [id, resource] of resourcesOf(type)) {
          const value = exampleOf(parameter, id, resource, () => '').values[0]?.value;
          if (value === undefined || !/^\d/.test(value)) continue;
          const year = Number(value.slice(0, 4));
          const told = async (prefix: string, finds: boolean) => {
            const { matches } = await search(type, `_id=${id}&${code}=${encodeURIComponent(prefix)}`);
            if (matches.has(id) !== finds) faults.push(`${type}?_id=${id}&${code}=${prefix}: ${!finds}`);
          };
          await told(`ge${value}`, true);
          await told(`le${value}`, true);
          await told(`gt${year - 1}`, true);
          await told(`lt${year + 1}`, true);
          await told(`gt${year + 1}`, false);
          await told(`lt${year - 1}`, false);
          break;
        }
      }
    }
    expect(faults).toEqual([]);
  });

  onlyWithData('brings along what it names as includes', async () => {
    const known = (reference: string) => stored.get(reference.split('/')[0]!)?.has(reference.split('/')[1]!) ?? false;
    for (const { type, includes, revincludes } of required) {
      for (const include of includes) {
        const [, code, target] = include.split(':');
        const { expression } = parameterOf(type, code!);
        const expected = resourcesOf(type)
          .flatMap(([, resource]) => evaluate(expression, asFound(resource)))
          .map(({ value }) => value.reference)
          .filter((literal) => known(literal ?? '') && (!target || literal.startsWith(`${target}/`)));
        const { included } = await search(type, `_include=${include}`);
        expect([include, [...included].sort()]).toEqual([include, [...new Set(expected)].sort()]);
      }
      for (const include of revincludes) {
        expect(include).toBe('Provenance:target');
        const expected = resourcesOf('Provenance')
          .filter(([, { target }]) =>
            target.some(({ reference }: any) => reference.startsWith(`${type}/`) && known(reference)),
          )
          .map(([id]) => `Provenance/${id}`);
        const { included } = await search(type, `_revinclude=${include}`);
        expect([type, [...included].sort()]).toEqual([type, expected.sort()]);
      }
    }
  });
});
