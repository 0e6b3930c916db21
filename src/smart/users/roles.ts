/** What roles there are, as far as users are concerned: who may hold which, and which demand a second factor. capability/access */
import { problem } from '../../fhir/outcome.ts';
import { keyOf } from '../../fhir/references.ts';

/** Read from the policies. */
export interface RoleRules {
  readonly names: readonly string[];
  readonly demandsSecondFactor: (role: string) => boolean;
}

/** Who may log in. */
export const people = ['Practitioner', 'PractitionerRole', 'Patient', 'RelatedPerson'];
/** They see what a patient may see, whatever somebody typed. */
const laymen = ['Patient', 'RelatedPerson'];

/** Refuses with 400 what is no list of roles that this person may hold; an empty one is a user who may nothing. */
export function demandRoles(asked: unknown, fhirUser: string, { names }: RoleRules): readonly string[] {
  if (!Array.isArray(asked)) throw problem('required', 'roles must be a list of role names');
  const unknown = asked.some((role) => typeof role !== 'string' || !names.includes(role));
  if (unknown) throw problem('value', `roles must be some of ${names.join(', ')}`);
  const roles = [...new Set<string>(asked)];
  if (laymen.includes(keyOf(fhirUser)!.type) && roles.some((role) => role !== 'patient'))
    throw problem('value', 'a Patient or RelatedPerson may hold the role patient only');
  return roles;
}

/** Refuses with 400 what is no reference to somebody who may log in. */
export function demandPerson(asked: unknown): string {
  const key = typeof asked === 'string' ? keyOf(asked) : undefined;
  if (!key || !people.includes(key.type) || asked !== `${key.type}/${key.id}`)
    throw problem('value', `fhirUser must be a reference such as Practitioner/7, of type ${people.join(', ')}`);
  return `${key.type}/${key.id}`;
}
