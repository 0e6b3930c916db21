/** Whose alerts are: of a person who has it, and of who looks, whose care teams count. docs/dashboard.md */
import { keyOf } from '../../fhir/references.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { unlessForbidden } from './unless-forbidden.ts';

/** A patient who is asked, a team that was told and an emergency service have nothing in hand. */
export const isPerson = (owner: string | undefined): boolean =>
  ['Practitioner', 'PractitionerRole'].includes(keyOf(owner ?? '')?.type ?? '');

/** None where the caller may not see them. */
async function found(search: Search, type: string, parameters: Parameters): Promise<readonly string[]> {
  const { matches } = await unlessForbidden(search(type, [...parameters, ['_elements', 'id'], ['_count', '1000']]));
  return matches.map(({ id }) => `${type}/${id}`);
}

/** Tells of these owners which are who looks, in person, in a role or in a team. */
export async function mineAmong(
  owners: Iterable<string | undefined>,
  me: string,
  search: Search,
): Promise<(owner: string | undefined) => boolean> {
  const mine = new Set([me]);
  const others = new Set([...owners].map((owner) => keyOf(owner ?? '')?.type));
  const isNamed = (type: string) => others.has(type);
  if (keyOf(me)?.type === 'Practitioner' && (isNamed('PractitionerRole') || isNamed('CareTeam')))
    for (const role of await found(search, 'PractitionerRole', [['practitioner', me]])) mine.add(role);
  if (isPerson(me) && isNamed('CareTeam')) {
    const members = [...mine].join(',');
    for (const team of await found(search, 'CareTeam', [
      ['participant', members],
      ['status', 'active'],
    ]))
      mine.add(team);
  }
  return (owner) => owner !== undefined && mine.has(owner);
}
