/** Cuts a StructureDefinition down to what validation and summaries read. https://hl7.org/fhir/R4/structuredefinition.html */
import type { ElementRule, Structure, TypeRule } from './definitions.ts';

const coreUrl = 'http://hl7.org/fhir/StructureDefinition/';

/** Written by hand in src/validation, for every element or every resource alike. */
const generic: ReadonlySet<string> = new Set(['ele-1', 'ext-1', 'dom-2', 'dom-3', 'dom-4', 'dom-5', 'txt-1', 'txt-2']);

/** A StructureDefinition as the server reads it: its snapshot, or else its differential, where all that is not said is open. */
export function cut(definition: any): Structure {
  const { snapshot, differential } = definition;
  const open = { min: 0, max: '*' };
  const elements = snapshot?.element ?? differential.element.map((element: any) => ({ ...open, ...element }));
  return {
    url: definition.url,
    type: definition.type,
    kind: definition.kind,
    ...(definition.abstract ? { abstract: true } : {}),
    ...(definition.baseDefinition ? { base: definition.baseDefinition } : {}),
    elements: elements.map(cutElement),
  };
}

function cutElement(element: any): ElementRule {
  const fixed = valueUnder(element, 'fixed');
  const pattern = valueUnder(element, 'pattern');
  const constraints = (element.constraint ?? [])
    .filter((c: any) => c.severity === 'error' && c.expression && !generic.has(c.key))
    .map((c: any) => [c.key, c.expression, c.human]);
  const isRequired = element.binding?.strength === 'required' && element.binding.valueSet;
  return {
    id: element.id,
    ...(element.min ? { min: element.min } : {}),
    ...(element.max === '1' ? {} : { max: element.max }),
    ...(element.type ? { types: element.type.map(cutType) } : {}),
    ...(isRequired ? { binding: withoutVersion(element.binding.valueSet) } : {}),
    ...(element.contentReference ? { same: element.contentReference.replace(/^.*#/, '') } : {}),
    ...(constraints.length > 0 ? { constraints } : {}),
    ...(fixed === undefined ? {} : { fixed }),
    ...(pattern === undefined ? {} : { pattern }),
    ...(element.slicing && !isByUrl(element)
      ? {
          slicing: {
            by: (element.slicing.discriminator ?? []).map((d: any) => [d.type, d.path]),
            rules: element.slicing.rules,
          },
        }
      : {}),
    ...(element.isModifier ? { modifier: true } : {}),
    ...(element.isSummary ? { summary: true } : {}),
  };
}

const isByUrl = (element: any): boolean => /xtension$/.test(element.path);

function cutType(type: any): TypeRule {
  const inner = type.extension?.find((e: any) => e.url.endsWith('/structuredefinition-fhir-type'));
  const code: string = inner ? (inner.valueUrl ?? inner.valueUri ?? inner.valueString) : type.code;
  const narrowed = type.profile?.find((url: string) => /\/(SimpleQuantity|MoneyQuantity)$/.test(url));
  const targets = (type.targetProfile ?? [])
    .map((url: string) => (url.startsWith(coreUrl) ? url.slice(coreUrl.length) : url))
    .filter((target: string) => target !== 'Resource')
    .sort();
  return {
    code: narrowed
      ? narrowed.slice(coreUrl.length)
      : code.replace('http://hl7.org/fhirpath/System.', '').replace(/^String$/, 'string'),
    ...(targets.length > 0 ? { targets } : {}),
  };
}

function valueUnder(element: any, prefix: string): unknown {
  const name = Object.keys(element).find((key) => key.startsWith(prefix) && /^[A-Z]/.test(key.slice(prefix.length)));
  return name && element[name];
}

export const withoutVersion = (canonical: string): string => canonical.replace(/\|.*$/, '');
