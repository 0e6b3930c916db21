/** Whom a resource is about, as its type's parameters tell it. https://hl7.org/fhir/R4/compartmentdefinition-patient.html */
import { formsOf, type Parameter } from '../search/parameter.ts';
import { parametersOf } from '../search/parameters.ts';
import { any, type Criterion, none } from '../search/query.ts';

/** Those of the parameters that are references of the type, each as the parameters whose entries find them. */
export const referencesBy = (type: string, codes: readonly string[]): readonly Parameter[] =>
  codes.flatMap((code) => {
    const parameter = parametersOf(type).get(code);
    return parameter?.type === 'reference' ? formsOf(parameter) : [];
  });

/** Names of their entries. */
export const namesBy = (type: string, codes: readonly string[]): readonly string[] => [
  ...new Set(referencesBy(type, codes).map(({ name }) => name)),
];

/** Whether a type has a reference to the patient that it is about, beside R4's compartment. */
export const isAboutPatient = (type: string): boolean => {
  const parameter = parametersOf(type).get('patient');
  return parameter?.type === 'reference' && (parameter.only ?? parameter.targets[0]) === 'Patient';
};

/**
 * Names of the entries that tell whom a resource of the type is about, as who writes it must mean: neither what the patient performed
 * nor wrote. None where it tells of nobody.
 */
export const aboutNames = (type: string): readonly string[] =>
  namesBy(type, [parametersOf(type).has('patient') ? 'patient' : 'subject']);

/** What a resource fulfils that is about the Patient with this id, or is that Patient. */
export function aboutPatient(type: string, id: string): Criterion {
  if (type === 'Patient') return { is: 'id', ids: [id] };
  const names = aboutNames(type);
  return names.length === 0
    ? none
    : any(names.map((name) => ({ is: 'reference', name, target: `Patient/${id}` }) as const));
}
