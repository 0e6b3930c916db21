/** What the server promises: capability/CapabilityStatement-server.json, spread over the resource types. https://hl7.org/fhir/R4/capabilitystatement.html */
import { readdirSync, readFileSync } from 'node:fs';
import { resourceTypes } from '../fhir/definitions.ts';
import type { Resource } from '../fhir/references.ts';
import type { InteractionCode } from '../interactions/interaction.ts';
import type { Level, OperationPlace } from '../operations/operation.ts';
import { hasWords } from '../search/full-text.ts';
import { leadsTo, ofTheEngine, type Parameter } from '../search/parameter.ts';
import { parametersOf } from '../search/parameters.ts';
import { isSortable } from '../search/sort.ts';
import { ofTrail } from '../search/trail-type.ts';
import type { Offered } from '../smart/discovery.ts';
import { smartSecurity } from './security.ts';

/** When capability/ was last changed, or what this page makes of it. */
export const CAPABILITY_DATE = '2026-11-29';

export interface Statement {
  /** URL of the FHIR base, without a trailing slash. */
  readonly base: string;
  /** Prefix of our own canonical URLs. */
  readonly canonical: string;
  readonly version: string;
  /** When the statement was last changed, as a FHIR dateTime. */
  readonly date: string;
  /** Where there is an authorization server. */
  readonly offered?: Offered;
}

const file = new URL('../../capability/CapabilityStatement-server.json', import.meta.url);
const promised: Resource = JSON.parse(readFileSync(file, 'utf8'));
const rest = promised.rest[0];
const everyType = rest.resource.find(({ type }: Resource) => type === 'Resource');
const ownEntries = new Map<string, Resource>(
  rest.resource
    .filter((entry: Resource) => entry !== everyType)
    .map((entry: Resource) => [entry.type, entry.interaction ? entry : addedTo(everyType, entry)]),
);

/** An entry without interactions of its own only adds operations to those of every type. */
function addedTo(every: Resource, { operation = [] }: Resource): Resource {
  return { ...every, operation: [...(every.operation ?? []), ...operation] };
}

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

const capabilityFolder = new URL('../../capability/', import.meta.url);

/** Our own OperationDefinitions by their canonical URL as it is written in capability/. */
const operationDefinitions = new Map<string, Resource>(
  readdirSync(capabilityFolder)
    .filter((name) => /^OperationDefinition-.*\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(new URL(name, capabilityFolder), 'utf8')))
    .map((definition) => [definition.url, definition]),
);

/** Every operation that capability/ promises and where; the type is '' for the system, `Resource` for every type. */
export function promisedOperations(): readonly OperationPlace[] {
  const ofEvery: readonly Resource[] = everyType.operation ?? [];
  const isOfEvery = ({ name }: Resource) => ofEvery.some((one) => one.name === name);
  const placed: [string, Resource[]][] = [
    ['', rest.operation ?? []],
    ...rest.resource.map(({ type, operation = [] }: Resource) => [
      type,
      type === everyType.type ? operation : operation.filter((one: Resource) => !isOfEvery(one)),
    ]),
  ];
  return placed.flatMap(([type, operations]) =>
    operations.flatMap(({ name, definition }) => {
      const defined = operationDefinitions.get(definition);
      if (defined === undefined || defined.code !== name)
        throw new Error(`capability/ defines no operation ${name} under ${definition}`);
      const levels: readonly Level[] = type === '' ? ['system'] : ['type', 'instance'];
      return levels.filter((level) => defined[level]).map((level) => ({ code: name, level, type }));
    }),
  );
}

const promisedUnder = (canonical: string, operations: readonly Resource[]): readonly object[] =>
  operations.map(({ name, definition }) => ({ name, definition: underCanonical(definition, canonical) }));

const underCanonical = (url: string, canonical: string): string => url.replace(`${writtenCanonical}/`, `${canonical}/`);

/** The promises for one type, as `CapabilityStatement.rest.resource` without search parameters. */
export const promisesFor = (type: string): Resource => ({ ...(ownEntries.get(type) ?? everyType), type });

/** What a type is searched by: all of its parameters but `_query`, and words only where somebody reads them. */
export function promisedParameters(type: string): readonly Parameter[] {
  return [...parametersOf(type).values()].filter(({ code, name, branches, anyOf, composite }) => {
    if (code === '_text' || code === '_content') return hasWords(type);
    const isAnswered = branches.length > 0 || anyOf !== undefined || composite !== undefined || ofTheEngine.has(code);
    return isAnswered || name !== `${type}.${code}`; // the entries of another parameter
  });
}

const followedBy = (type: string): readonly Parameter[] =>
  promisedParameters(type).filter((parameter) => parameter.type === 'reference' && parameter.followed);

/** AuditEvents are followed forth alone, and come along with what is searched, never the other way. */
const isAlone = (type: string): boolean => type === ofTrail;

/** `Observation:subject` for everything that refers to resources of the type and says so; not what may refer to any type. */
const revincludesOf = (type: string): readonly string[] =>
  isAlone(type)
    ? []
    : [...resourceTypes]
        .filter((source) => !isAlone(source))
        .sort()
        .flatMap((source) =>
          followedBy(source)
            .filter((parameter) => parameter.only === type || parameter.targets.includes(type))
            .filter((parameter) => leadsTo(parameter, type))
            .map(({ code }) => `${source}:${code}`),
        );

/** What a client cannot do with a parameter beside searching by it. */
function limitsOf(type: string, parameter: Parameter): object {
  const isSorted = isAlone(type) ? parameter.code === 'date' : isSortable(parameter);
  const limits = [
    ...(isSorted ? [] : ['Not for _sort.']),
    ...(parameter.type !== 'reference' || parameter.followed ? [] : [unfollowed(parameter)]),
    ...(parameter.type === 'reference' && parameter.followed && isAlone(type) ? ['Not for chains and _has.'] : []),
  ];
  return limits.length > 0 ? { documentation: limits.join(' ') } : {};
}

/** A chain goes from a Bundle to what stands in it, and nothing else does. */
const unfollowed = ({ inside }: Parameter): string =>
  inside ? 'Not for _has and includes.' : 'Not for chains, _has and includes.';

const TOPIC =
  'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical';
const topics: readonly string[] = readdirSync(capabilityFolder)
  .filter((name) => /^SubscriptionTopic-.*\.json$/.test(name))
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, capabilityFolder), 'utf8')).url);

/** Where R4 clients look for topics. http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical */
const topicsUnder = (canonical: string): object => ({
  extension: topics.map((url) => ({ url: TOPIC, valueCanonical: underCanonical(url, canonical) })),
  documentation:
    'Criteria are searches. The topics are told as live events: GET /events?topics=, by the last part of their canonical.',
});

function entryOf(type: string, { canonical }: Statement): object {
  const promises = promisesFor(type);
  const parameters = promisedParameters(type);
  const includes = followedBy(type).map(({ code }) => `${type}:${code}`);
  const revincludes = revincludesOf(type);
  return {
    ...promises,
    ...(type === 'Subscription' && topicsUnder(canonical)),
    ...(promises.operation && { operation: promisedUnder(canonical, promises.operation) }),
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    ...(includes.length > 0 && { searchInclude: ['*', ...includes] }),
    ...(revincludes.length > 0 && { searchRevInclude: revincludes }),
    ...(parameters.length > 0 && {
      searchParam: parameters.map((parameter) => ({
        name: parameter.code,
        definition: underCanonical(parameter.definition, canonical),
        type: parameter.type,
        ...limitsOf(type, parameter),
      })),
    }),
  };
}

/** The statement of this running server: one entry per resource type. Costs milliseconds; keep what it returns. */
export function capabilityStatement(statement: Statement): Resource {
  const { base, canonical, version, date, offered } = statement;
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
    rest: [
      {
        ...rest,
        ...(offered && { security: smartSecurity(offered) }),
        operation: promisedUnder(canonical, rest.operation),
        resource: types.map((type) => entryOf(type, statement)),
      },
    ],
  };
}
