/** A search to its end, or as far as a page of the console looks. */
import type { Parameters } from '../../interactions/interaction.ts';
import type { FoundPage, Search } from '../../translators/cardiac/asker.ts';

/** Alerts that are looked through. */
const MOST = 4_500;

/** Every page of a search, up to so many matches. */
export async function everyPage(search: Search, type: string, parameters: Parameters): Promise<FoundPage> {
  const matches: any[] = [];
  const all = new Map<string, any>();
  let page: string | undefined;
  do {
    const found = await search(type, parameters, page);
    matches.push(...found.matches);
    for (const [reference, resource] of found.all) all.set(reference, resource);
    page = found.next;
  } while (page !== undefined && matches.length < MOST);
  return { matches, all };
}
