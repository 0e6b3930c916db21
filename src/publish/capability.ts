/** What the server promises: capability/CapabilityStatement-server.json, spread over the resource types. https://hl7.org/fhir/R4/capabilitystatement.html */
import { readFileSync } from 'node:fs';
import { resourceTypes } from '../fhir/definitions.ts';
import type { Resource } from '../fhir/references.ts';
import type { InteractionCode } from '../interactions/interaction.ts';
import type { Parameter } from '../search/parameters.ts';

/** The search parameters of a resource type by code: `parametersOf` of search/parameters.ts. */
export type ParametersOf = (type: string) => ReadonlyMap<string, Parameter>;

export interface Statement {
  /** URL of the FHIR base, without a trailing slash. */
  readonly base: string;
  /** Prefix of our own canonical URLs. */
  readonly canonical: string;
  readonly version: string;
  /** When the statement was last changed, as a FHIR dateTime. */
  readonly date: string;
  readonly parametersOf: ParametersOf;
}

const file = new URL('../../capability/CapabilityStatement-server.json', import.meta.url);
const promised: Resource = JSON.parse(readFileSync(file, 'utf8'));
const rest = promised.rest[0];
const everyType = rest.resource.find(({ type }: Resource) => type === 'Resource');
const ownEntries = new Map<string, Resource>(
  rest.resource.filter((entry: Resource) => entry !== everyType).map((entry: Resource) => [entry.type, entry]),
);
/** The prefix that canonical URLs of our own have in the files under capability/. */
const writtenCanonical: string = promised.url.slice(0, promised.url.indexOf('/CapabilityStatement/'));

const codesOf = ({ interaction }: Resource): ReadonlySet<string> =>
  new Set(interaction.map(({ code }: Resource) => code));
const ofEveryType = codesOf(everyType);
const ofOwnEntry = new Map([...ownEntries].map(([type, entry]) => [type, codesOf(entry)]));
const ofSystem = codesOf(rest);

/** Whether capability/ promises this interaction; the type is '' at the level of the whole system. */
export function declared(interaction: InteractionCode, type: string): boolean {
  if (interaction === 'capabilities') return type === '';
  if (type === '') return ofSystem.has(interaction);
  return resourceTypes.has(type) && (ofOwnEntry.get(type) ?? ofEveryType).has(interaction);
}

/** The promises for one type, as `CapabilityStatement.rest.resource` without search parameters. */
export const promisesFor = (type: string): Resource => ({ ...(ownEntries.get(type) ?? everyType), type });

/** The engine finds these without entries of ours. */
const ofTheEngine = new Set(['_id', '_lastUpdated']);

/** Those of R4's parameters that a search answers: the composite ones, the special ones and those without an expression come later. */
export function promisedParameters(type: string, parametersOf: ParametersOf): readonly Parameter[] {
  return [...parametersOf(type).values()].filter(
    ({ type: kind, code, name, branches, anyOf }) =>
      kind !== 'composite' &&
      kind !== 'special' &&
      (branches.length > 0 || anyOf !== undefined || name !== `${type}.${code}` || ofTheEngine.has(code)),
  );
}

function entryOf(type: string, { canonical, parametersOf }: Statement): object {
  const parameters = promisedParameters(type, parametersOf);
  const includes = parameters
    .filter((parameter) => parameter.type === 'reference')
    .map(({ code }) => `${type}:${code}`);
  return {
    ...promisesFor(type),
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    ...(includes.length > 0 && { searchInclude: includes }),
    ...(parameters.length > 0 && {
      searchParam: parameters.map((parameter) => ({
        name: parameter.code,
        definition: parameter.definition.replace(`${writtenCanonical}/`, `${canonical}/`),
        type: parameter.type,
      })),
    }),
  };
}

/** The statement of this running server: one entry per resource type. Costs milliseconds; keep what it returns. */
export function capabilityStatement(statement: Statement): Resource {
  const { base, canonical, version, date } = statement;
  const types = [...resourceTypes.keys()].sort();
  return {
    ...promised,
    url: promised.url.replace(writtenCanonical, canonical),
    version,
    date,
    description: 'FHIR R4 server for readings of devices: keeps them, raises Flags, notifies subscribers.',
    kind: 'instance',
    software: { name: 'Watchfire', version },
    implementation: { description: 'Watchfire', url: base },
    rest: [{ ...rest, resource: types.map((type) => entryOf(type, statement)) }],
  };
}
