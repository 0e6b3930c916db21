/** Asks both houses the same and says where their answers differ, page by page. */
import type { Answer } from '../../support/house.ts';
import type { Houses } from './houses.ts';
import { A } from './patient-a.ts';
import type { Request } from './questions.ts';

/** What of an answer must be equal: all but texts for people, tokens, the address of the house, and the order of what is included, which nobody promises. */
function shown({ status, body, headers }: Answer, base: string): string {
  if (status >= 400) return JSON.stringify({ status, codes: body.issue.map(({ code }: any) => code) });
  const entries = (body.entry ?? []).map(({ fullUrl, resource, search, request, response }: any) => ({
    fullUrl,
    search,
    request,
    response,
    resource: resource?.resourceType === 'OperationOutcome' ? resource.issue.map(({ code }: any) => code) : resource,
  }));
  const firstIncluded = entries.findIndex(({ search }: any) => search?.mode === 'include');
  if (firstIncluded >= 0) {
    const included = entries.splice(firstIncluded);
    entries.push(...included.sort((a: any, b: any) => (a.fullUrl < b.fullUrl ? -1 : 1)));
  }
  const isBundle = body.resourceType === 'Bundle';
  const links = (isBundle ? (body.link ?? []) : []).map(({ relation, url }: any) => [
    relation,
    url.replace(/_page=[^&]*/, '_page='),
  ]);
  const told = isBundle ? { type: body.type, total: body.total, links, entries } : body;
  return JSON.stringify({ status, etag: headers.get('etag'), told }, undefined, 1)
    .replaceAll(base, '{base}')
    .replaceAll(encodeURIComponent(base), '{base}');
}

const linkOf = ({ body }: Answer, relation: string): string | undefined =>
  body?.link?.find((one: any) => one.relation === relation)?.url;

export interface Compared {
  /** Whether anything came back. */
  readonly found: boolean;
  readonly refused: boolean;
  readonly fault?: string;
}

const MOST_PAGES = 60;

/** Patient A asks the house with everything, the administrator the one that holds only what A may see. */
export async function compare({ whole, part }: Houses, { path, form }: Request): Promise<Compared> {
  const method = form === undefined ? 'GET' : 'POST';
  const inPart = (text: string): string =>
    text.replaceAll(whole.base, part.base).replaceAll(encodeURIComponent(whole.base), encodeURIComponent(part.base));
  const both = (here: string, there: string) =>
    Promise.all([whole.ask('GET', here, { as: A }), part.ask('GET', there)]);
  let [mine, other] = await Promise.all([
    whole.ask(method, path, { as: A, body: form }),
    part.ask(method, inPart(path), { body: form === undefined ? undefined : inPart(form) }),
  ]);
  const found =
    mine.status === 200 &&
    (mine.body.resourceType !== 'Bundle' || (mine.body.entry ?? []).length > 0 || mine.body.total > 0);
  const refused = mine.status >= 400;
  for (let page = 1; ; page++) {
    for (const relation of page > 1 ? ['previous', 'next'] : ['next']) {
      const fault = difference(shown(mine, whole.base), shown(other, part.base));
      if (fault) return { found, refused, fault: `page ${page}: ${fault}` };
      const [here, there] = [linkOf(mine, relation), linkOf(other, relation)];
      if (here === undefined || there === undefined) {
        if (relation === 'previous') continue;
        return { found, refused };
      }
      const [asked, answered] = await both(here, there);
      if (relation === 'next') [mine, other] = [asked, answered];
      else {
        const back = difference(shown(asked, whole.base), shown(answered, part.base));
        if (back) return { found, refused, fault: `back from page ${page}: ${back}` };
      }
    }
    if (page > MOST_PAGES) return { found, refused, fault: 'the pages do not end' };
  }
}

/** The first lines that are not the same. */
function difference(mine: string, other: string): string | undefined {
  if (mine === other) return undefined;
  const [left, right] = [mine.split('\n'), other.split('\n')];
  const at = left.findIndex((line, i) => line !== right[i]);
  const around = (lines: string[]) =>
    lines
      .slice(Math.max(0, at - 1), at + 4)
      .map((line) => line.trim())
      .join(' ')
      .slice(0, 400);
  return `A is told ${around(left)}\n      and on the store of A ${around(right)}`;
}
