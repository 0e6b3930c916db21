/** Each scope as one sentence for the person who consents: who, what, read or write, and how it is limited. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { unescaped } from '../../search/escapes.ts';
import { decoded } from './query.ts';
import { parseScope, type Scope, type ScopeContext } from './scope.ts';
import { nameOf } from './type-names.ts';

const sentences: ReadonlyMap<string, string> = new Map([
  ['openid', 'Know who you are when you sign in.'],
  ['fhirUser', 'Know which person in this record system you are.'],
  ['profile', 'Know your name.'],
  ['offline_access', 'Keep this access when you are not using the app, until you take it away.'],
  ['online_access', 'Keep this access as long as you are signed in.'],
  ['launch', 'Know which patient and visit it was opened with.'],
  ['launch/patient', 'Know which patient is chosen.'],
  ['launch/encounter', 'Know which visit is chosen.'],
  ['device_data', 'Read medical devices, what they measure and their readings, without a person present.'],
  ['patient_data', 'Read patients and their measurements, without a person present.'],
  ['alerts', 'Read warnings, alarms and detected problems, without a person present.'],
]);

/** One sentence; for a scope that is not supported, that it opens nothing. */
export function plain(text: string): string {
  const said = sentences.get(text);
  if (said !== undefined) return said;
  const scope = parseScope(text);
  if (scope === undefined) return 'Something that this server does not know; it opens nothing.';
  return `${actions(scope.rights)} ${ofWhom(scope)}${limits(scope.query)}${ending[scope.context]}.`;
}

/** Whether data can be changed by it, so that a page can say that apart. */
export const mayChange = (text: string): boolean => /[cud]/.test(parseScope(text)?.rights ?? '');

const ending: Readonly<Record<ScopeContext, string>> = {
  patient: '',
  user: '',
  system: ', without a person present',
};

function ofWhom({ context, type }: Scope): string {
  const what = type === '*' ? 'all data' : nameOf(type);
  if (context === 'patient') return `${what} of the chosen patient`;
  if (context === 'user') return `${what} that you have access to`;
  return `${what} that this program is allowed`;
}

const verbs: readonly (readonly [letters: string, verb: string])[] = [
  ['c', 'add'],
  ['u', 'change'],
  ['d', 'delete'],
];

/** `Read and search`, `Read, search, add and delete`. */
function actions(rights: string): string {
  const reading = rights.includes('r')
    ? rights.includes('s')
      ? ['read', 'search']
      : ['read one by one']
    : rights.includes('s')
      ? ['find and read by searching']
      : [];
  const all = [...reading, ...verbs.filter(([letter]) => rights.includes(letter)).map(([, verb]) => verb)];
  const sentence = all.length > 1 ? `${all.slice(0, -1).join(', ')} and ${all.at(-1)}` : all[0]!;
  return sentence[0]!.toUpperCase() + sentence.slice(1);
}

function limits(query: string | undefined): string {
  if (query === undefined) return '';
  const parts = (decoded(query) ?? []).map(([name, value]) => condition(name, value));
  return `, only where ${parts.join(' and ')}`;
}

const modifiers: Readonly<Record<string, string>> = {
  not: 'is not',
  missing: 'is absent:',
  text: 'has a text that begins with',
  exact: 'is exactly',
  contains: 'contains',
  below: 'is or lies below',
  above: 'is or lies above',
  identifier: 'has the identifier',
  'of-type': 'is of the type and value',
};

const prefixes: Readonly<Record<string, string>> = {
  eq: 'is',
  ne: 'is not',
  gt: 'is more than',
  lt: 'is less than',
  ge: 'is at least',
  le: 'is at most',
  sa: 'begins after',
  eb: 'ends before',
};

/** `category is laboratory`, `date is at least 2026-01-01`. */
function condition(name: string, value: string): string {
  const [code = '', modifier] = name.split(':');
  const values = value.split(',').map((one) => {
    const [, prefix, rest] = /^(eq|ne|gt|lt|ge|le|sa|eb)(?=-?\d)(.+)$/.exec(one) ?? [];
    return prefix === undefined ? { verb: 'is', what: shown(one) } : { verb: prefixes[prefix]!, what: quoted(rest!) };
  });
  const of = modifier === undefined ? undefined : (modifiers[modifier] ?? `(${modifier}) is`);
  const told = values.map(({ verb, what }, i) =>
    i > 0 && (of ?? verb) === (of ?? values[i - 1]!.verb) ? what : `${of ?? verb} ${what}`,
  );
  return `${code.replace(/^_/, '').replaceAll('-', ' ')} ${told.join(' or ')}`;
}

const systems: Readonly<Record<string, string>> = {
  'http://loinc.org': 'LOINC',
  'http://snomed.info/sct': 'SNOMED CT',
  'http://www.nlm.nih.gov/research/umls/rxnorm': 'RxNorm',
  'http://hl7.org/fhir/sid/icd-10': 'ICD-10',
  'http://hl7.org/fhir/sid/icd-10-cm': 'ICD-10-CM',
  'http://unitsofmeasure.org': 'UCUM',
};

/** What stands in a search, as a part of our sentence that cannot be taken for more of it. */
const quoted = (text: string): string => {
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return /[^\w.:/#+-]/.test(short) ? `“${short.replaceAll(/[“”]/g, '"')}”` : short;
};

/** Of `system|code` the code, with its system where people know it by that; codes of HL7 are words. */
function shown(value: string): string {
  const [, system, code] = /^([^|]*)\|(.+)$/.exec(value)?.map(unescaped) ?? [];
  if (code === undefined) return quoted(unescaped(value.replace(/\|$/, '')));
  if (!system) return quoted(code);
  if (Object.hasOwn(systems, system)) return `${systems[system]} ${quoted(code)}`;
  return /^http:\/\/(?:terminology\.)?hl7\.org\//.test(system)
    ? quoted(code).replaceAll('-', ' ')
    : `${quoted(code)} (${quoted(system)})`;
}
