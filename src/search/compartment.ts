/** What is in a compartment, as a criterion. https://hl7.org/fhir/R4/search.html#compartment */
import { compartmentParameters } from '../fhir/compartments.ts';
import { formsOf } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import { any, type Criterion } from './query.ts';

/** What a resource of the type fulfils that is in the compartment of `Patient/1`; undefined where none ever is. */
export function compartmentCriterion(compartment: string, id: string, type: string): Criterion | undefined {
  const codes = compartmentParameters(compartment, type);
  if (codes === undefined) return undefined;
  const parameters = parametersOf(type);
  const names = codes.flatMap((code) => {
    const parameter = parameters.get(code);
    return parameter === undefined ? [] : formsOf(parameter).map(({ name }) => name);
  });
  const target = `${compartment}/${id}`;
  return any([
    ...(codes.includes('{def}') ? [{ is: 'id', ids: [id] } as const] : []),
    ...[...new Set(names)].map((name) => ({ is: 'reference', name, target }) as const),
  ]);
}
