/** What is about a patient, as who writes it must mean: neither what the patient performed nor wrote. https://hl7.org/fhir/R4/compartmentdefinition-patient.html */
import { formsOf } from '../search/parameter.ts';
import { parametersOf } from '../search/parameters.ts';
import { any, type Criterion, none } from '../search/query.ts';

/** Names of the entries that tell whom a resource of the type is about; none where it tells of nobody. */
export function aboutNames(type: string): readonly string[] {
  const parameters = parametersOf(type);
  const parameter = parameters.get('patient') ?? parameters.get('subject');
  return parameter?.type === 'reference' ? formsOf(parameter).map(({ name }) => name) : [];
}

/** What a resource fulfils that is about the Patient with this id, or is that Patient. */
export function aboutPatient(type: string, id: string): Criterion {
  if (type === 'Patient') return { is: 'id', ids: [id] };
  const names = aboutNames(type);
  return names.length === 0
    ? none
    : any(names.map((name) => ({ is: 'reference', name, target: `Patient/${id}` }) as const));
}
