/** The page of a search whose matches are contained resources, shown by themselves. https://hl7.org/fhir/R4/search.html#contained */
import { itemsOf, textOf } from '../fhir/json.ts';
import { type ContainedAsked, shownOf } from '../search/contained.ts';
import type { SearchQuery } from '../search/query.ts';
import type { Cursor, Page, Store, Version } from '../store/store.ts';
import type { Access } from './interaction.ts';
import type { ShownMatch } from './searchset.ts';

/** What of a found resource was asked for: itself, or resources that stand in it, as far as the caller is shown them. */
export function shownInside(version: Version, asked: ContainedAsked, access: Access): readonly ShownMatch[] {
  const text = access.shows(version.text);
  const resource = JSON.parse(text);
  const { isShown, contained } = shownOf(resource, asked);
  const texts = contained.length > 0 ? itemsOf(textOf(text, ['contained'])!) : [];
  const inside = contained.map((at) => ({
    key: version.key,
    text: texts[at]!,
    inside: resource.contained[at].id ?? '',
  }));
  return isShown ? [version, ...inside] : inside;
}

/**
 * A page of containers that together show no more than the query's count, except where a single one does. It is read again
 * where the first was too much, in whichever direction the cursor leads.
 */
export async function pageOfContainers(
  query: SearchQuery,
  after: Cursor | undefined,
  asked: ContainedAsked,
  access: Access,
  store: Pick<Store, 'search'>,
): Promise<Page> {
  const page = await store.search(query, after);
  const shown = page.matches.map((version) => shownInside(version, asked, access).length);
  const fitting = Math.min(howMany(shown, query.count), howMany(shown.reverse(), query.count));
  const count = Math.max(1, fitting);
  return count >= page.matches.length ? page : store.search({ ...query, count }, after);
}

/** How many from the first on are together no more than that. */
function howMany(sizes: readonly number[], most: number): number {
  let left = most;
  const end = sizes.findIndex((size) => (left -= size) < 0);
  return end < 0 ? sizes.length : end;
}
