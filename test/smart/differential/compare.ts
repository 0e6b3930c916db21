/** Asks both houses the same and says where their answers differ, page by page. */
import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../../support/house.ts';
import type { Pair } from './houses.ts';
import type { Request } from './questions.ts';

/** What of an answer must be equal: all but the tokens of pages, the address of the house, and the order of what is included, which nobody promises. */
function shown({ status, body, headers }: Answer, base: string): string {
  const told = {
    status,
    etag: headers.get('etag'),
    lastModified: headers.get('last-modified'),
    location: headers.get('location'),
    body: body?.resourceType === 'Bundle' ? bundleOf(body) : body,
  };
  return JSON.stringify(told, undefined, 1).replaceAll(base, '{base}').replaceAll(encodeURIComponent(base), '{base}');
}

/** A history need not count the versions for somebody who does not see all of the type; where it does, it counts what he sees. */
const countedAs = (other: Answer, { body }: Answer): Answer =>
  body?.type === 'history' && body.total === undefined
    ? { ...other, body: { ...other.body, total: undefined } }
    : other;

/** Only who may search the audit log is told that it was left out. */
const isOfTrail = ({ search, resource }: any): boolean =>
  search?.mode === 'outcome' &&
  resource.issue.every(({ diagnostics }: any) => diagnostics?.startsWith('AuditEvent is'));

function bundleOf(body: any): object {
  const { entry = [], link = [], id: _id, meta: _meta, timestamp: _timestamp, ...rest } = body;
  const own = entry.filter((one: any) => one.search?.mode !== 'include' && !isOfTrail(one));
  const included = entry.filter(({ search }: any) => search?.mode === 'include');
  const inner = ({ resource, ...more }: any) => ({
    ...more,
    resource: resource?.resourceType === 'Bundle' && resource.type === 'searchset' ? bundleOf(resource) : resource,
  });
  return {
    ...rest,
    link: link.map(({ relation, url }: any) => [relation, url.replace(/_page=[^&]*/, '_page=')]),
    entry: [...own, ...included.sort((a: any, b: any) => (a.fullUrl < b.fullUrl ? -1 : 1))].map(inner),
  };
}

export const linkOf = ({ body }: Answer, relation: string): string | undefined =>
  body?.link?.find((one: any) => one.relation === relation)?.url;

export interface Compared {
  /** Whether anything came back. */
  readonly found: boolean;
  readonly refused: boolean;
  readonly fault?: string;
}

/** More than these are not walked. */
const MOST_PAGES = 30;

const isFound = ({ status, body }: Answer): boolean =>
  status < 300 && (body?.resourceType !== 'Bundle' || (body.entry ?? []).length > 0 || body.total > 0);
const isRefusal = ({ status, headers }: Answer): boolean =>
  status === 403 && headers.get('www-authenticate')?.includes('insufficient_scope') === true;

/** Where a search may be refused because it goes by what is hidden: it names one of these, or includes whatever there is. */
const byHidden = /telecom|phone|email|address|_text|_content|include(:iterate)?=\*/;
const isHiddenRefusal = ({ status, text }: Answer): boolean =>
  status === 403 && text.includes('goes by what is hidden with these rights');

/** The caller asks the house with everything, the administrator the one that holds only what the caller may see. */
export async function compare(pair: Pair, request: Request): Promise<Compared> {
  const { whole, part, as, words } = pair;
  const { method, path, body, headers, needs, status, versions } = request;
  const inPart = (text: string): string =>
    text.replaceAll(whole.base, part.base).replaceAll(encodeURIComponent(whole.base), encodeURIComponent(part.base));
  const first = await whole.ask(method, path, { as, body, ...(headers && { headers }) });
  if (needs?.some((need) => !words.opens(...need))) {
    return {
      found: false,
      refused: true,
      ...(!isRefusal(first) && { fault: `not refused: ${first.status} ${first.text.slice(0, 300)}` }),
    };
  }
  const through = isRefusal(first) && /search-type of (\w+) is not permitted/.exec(first.text)?.[1];
  // A chain through a type that is closed as a whole.
  if (through && !words.opens(through, 's')) return { found: false, refused: true };
  if (isHiddenRefusal(first) && words.hidden.length > 0 && byHidden.test(decodeURIComponent(`${path}${body ?? ''}`)))
    return { found: false, refused: true };
  if (status !== undefined) {
    const fault =
      first.status === status ? {} : { fault: `not ${status}: ${first.status} ${first.text.slice(0, 300)}` };
    return { found: false, refused: true, ...fault };
  }
  if (versions !== undefined) {
    const told = (first.body?.entry ?? []).map(({ response }: any) => Number(/\d+/.exec(response.etag)));
    const fault = isDeepStrictEqual(told, versions)
      ? {}
      : { fault: `not versions ${versions}: ${first.status} ${told}` };
    return { found: true, refused: false, ...fault };
  }
  let mine = first;
  let other = await part.ask(method, inPart(path), {
    body: typeof body === 'string' ? inPart(body) : body,
    ...(headers && { headers }),
  });
  const compared = { found: isFound(mine), refused: mine.status >= 400 };
  for (let page = 1; ; page++) {
    const fault = difference(shown(mine, whole.base), shown(countedAs(other, mine), part.base));
    if (fault) return { ...compared, fault: `page ${page}: ${fault}` };
    const [back, on] = [linkOf(mine, 'previous'), linkOf(mine, 'next')];
    if (back !== undefined && page > 1) {
      const answers = [
        await whole.ask('GET', back, { as }),
        await part.ask('GET', linkOf(other, 'previous')!),
      ] as const;
      const behind = difference(shown(answers[0], whole.base), shown(countedAs(answers[1], answers[0]), part.base));
      if (behind) return { ...compared, fault: `back from page ${page}: ${behind}` };
    }
    if (on === undefined || page > MOST_PAGES) return compared;
    [mine, other] = [await whole.ask('GET', on, { as }), await part.ask('GET', linkOf(other, 'next')!)];
  }
}

/** The first lines that are not the same. */
export function difference(mine: string, other: string): string | undefined {
  if (mine === other) return undefined;
  const [left, right] = [mine.split('\n'), other.split('\n')];
  const at = left.findIndex((line, i) => line !== right[i]);
  const around = (lines: string[]) =>
    lines
      .slice(Math.max(0, at - 2), at + 4)
      .map((line) => line.trim())
      .join(' ')
      .slice(0, 400);
  return `the caller is told ${around(left)}\n      and on the store of what he may see ${around(right)}`;
}

const fresh = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const times = /"(?:lastUpdated|lastModified)": ?"[^"]*"/g;

/** The same caller writes the same in both; what came of it is taken back, and the houses of the others keep step. */
export async function compareWrite(pair: Pair, others: readonly Pair[], request: Request): Promise<Compared> {
  const { whole, part, as } = pair;
  const { method, path, body, headers } = request;
  const asked = { as, body, ...(headers && { headers }) };
  const mine = await whole.ask(method, path, asked);
  const other = await part.ask(method, path, asked);
  const told = (answer: Answer, base: string): string =>
    shown(answer, base).replace(fresh, '{fresh}').replace(times, '"{time}"');
  const harmed: string[] = [];
  const different = difference(told(mine, whole.base), told(other, part.base));
  for (const [house, answer] of [
    [whole, mine],
    [part, other],
  ] as const) {
    for (const key of touched(request, answer)) if (await undo(pair, house, key)) harmed.push(key);
  }
  await keepStep([pair, ...others], [...new Set([...touched(request, mine), ...touched(request, other)])]);
  const fault = harmed.length > 0 ? `${harmed} was written unseen` : different;
  return { found: isFound(mine), refused: mine.status >= 400, ...(fault !== undefined && { fault }) };
}

function touched({ touches = [] }: Request, { status, body, headers }: Answer): readonly string[] {
  if (status >= 300) return [];
  const locations = [headers.get('location'), ...(body?.entry ?? []).map(({ response }: any) => response?.location)];
  const keys = locations.flatMap((one) => /([A-Z]\w+\/[^/]+)\/_history\//.exec(one ?? '')?.[1] ?? []);
  // An update that found what it changes tells it by its body.
  const own = body?.id !== undefined && body.resourceType !== 'Bundle' ? [`${body.resourceType}/${body.id}`] : [];
  return [...new Set([...touches, ...keys, ...own])];
}

const content = ({ meta, ...rest }: any): object => ({ ...rest, meta: { ...meta, versionId: '', lastUpdated: '' } });

/** By the administrator: back to what it was, as a new version. Tells whether that was nothing that the caller sees. */
async function undo({ stored, words, part }: Pair, house: Pair['whole'], key: string): Promise<boolean> {
  const resource = stored.get(key)?.at(-1)?.resource;
  const isHidden = resource !== undefined && !words.sees(resource);
  if (isHidden && house === part) return false;
  if (isHidden) {
    const { status, body } = await house.ask('GET', `/${key}`);
    if (status === 200 && isDeepStrictEqual(content(body), content(resource))) return false;
  }
  const { status, text } = resource
    ? await house.ask('PUT', `/${key}`, { body: resource })
    : await house.ask('DELETE', `/${key}`);
  if (status >= 300 && status !== 404) throw new Error(`${key} could not be put back: ${status} ${text}`);
  return isHidden;
}

const versionOf = async (house: Pair['whole'], key: string): Promise<number> =>
  Number(/\d+/.exec((await house.ask('GET', `/${key}`)).headers.get('etag') ?? '')?.[0] ?? 0);

/** What was written and put back has more versions than before: so it has in every house that holds it. */
async function keepStep(pairs: readonly Pair[], keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const holding = pairs.filter(({ stored, words }) => {
      const resource = stored.get(key)?.at(-1)?.resource;
      return resource && words.sees(resource);
    });
    const houses = [...holding.map(({ part }) => part), ...holding.slice(0, 1).map(({ whole }) => whole)];
    const reached = await Promise.all(houses.map((house) => versionOf(house, key)));
    for (const [i, house] of houses.entries()) {
      for (let n = reached[i]!; n < Math.max(...reached); n++) await undo(holding[0]!, house, key);
    }
  }
}
