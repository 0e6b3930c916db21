/** history of one resource: its versions, newest first. https://hl7.org/fhir/R4/http.html#history */
import { bundleText, type Link } from '../fhir/bundle.ts';
import { problem } from '../fhir/outcome.ts';
import { quote } from '../search/refusals.ts';
import { isFormat } from '../search/result-parameters.ts';
import { isDeleted, type Store, type Version } from '../store/store.ts';
import { etagOf, isSeenNow, notFound, patientsIn, seenOf } from './answer.ts';
import type { Interaction, Parameters } from './interaction.ts';
import { queryOf } from './route.ts';

const STATUS = { POST: '201 Created', PUT: '200 OK', PATCH: '200 OK', DELETE: '204 No Content' } as const;

function windowOf(parameters: Parameters) {
  let count = 20;
  let since: number | undefined;
  let before: number | undefined;
  for (const [name, value] of parameters) {
    if (name === '_count') {
      if (!/^\d+$/.test(value)) throw problem('invalid', '_count must be a whole number');
      count = Math.min(Math.max(Number(value), 1), 1_000);
    } else if (name === '_since') {
      since = Date.parse(value);
      if (Number.isNaN(since)) throw problem('invalid', '_since must be an instant');
    } else if (name === '_before') {
      if (!/^\d{1,15}$/.test(value)) throw problem('invalid', '_before must be a version number');
      before = Number(value);
    } else if (!isFormat(name)) {
      throw problem('not-supported', `history does not know the parameter ${quote(name)}`);
    }
  }
  return { count, since, before };
}

/** A PUT created where nothing was, or where the version before it is a tombstone. */
const isCreation = ({ method, versionId }: Version, before: Version | undefined) =>
  method === 'PUT' && (versionId === 1 || (before !== undefined && isDeleted(before)));

const urlOf = (version: Version) => `${version.key.type}/${version.key.id}`;

/** Versions that are looked at in one go, and for one page, where some may be hidden. */
const atATime = 100;
const most = 1_000;

interface Page {
  readonly page: readonly Version[];
  /** Number of the version that the next page begins with. */
  readonly next?: number;
  /** The version before each, seen or not. */
  readonly earlier: ReadonlyMap<Version, Version>;
  /** Left out where it is not told without looking at every version. */
  readonly total?: number;
}

/** The newest versions of a window that are seen. What is passed over is neither counted nor linked to. */
async function pageOf(
  read: (before: number | undefined, most: number) => ReturnType<Store['history']>,
  asked: {
    readonly count: number;
    readonly before: number | undefined;
    /** Left out: all are. */
    readonly seen: ((versions: readonly Version[]) => Promise<readonly Version[]>) | undefined;
  },
): Promise<Page> {
  const { count, seen } = asked;
  const found: Version[] = [];
  const earlier = new Map<Version, Version>();
  let last: Version | undefined;
  for (let before = asked.before, looked = 0; ; ) {
    const size = seen && looked > 0 ? atATime : count + 1;
    const { versions, total } = await read(before, size);
    for (const version of versions) {
      if (last) earlier.set(last, version);
      last = version;
    }
    found.push(...(seen ? await seen(versions) : versions));
    const page = found.slice(0, count);
    if (found.length > count) return { page, next: found[count]!.versionId, earlier, ...(!seen && { total }) };
    if (versions.length < size) {
      // All was looked at, from the newest on.
      const counted = asked.before === undefined ? found.length : undefined;
      return { page, earlier, total: seen ? counted : total };
    }
    looked += versions.length;
    before = last!.versionId - 1;
    // So long a row of hidden ones is gone on with by the next request, that one answer costs no more than another.
    if (looked >= most + count) return { page, next: before, earlier };
  }
}

export const history: Interaction = {
  code: 'history-instance',
  right: 'r',
  async handle({ type, id, base, parameters }, { store, caller }) {
    const key = { type, id };
    const { access } = caller;
    const { count, since, before } = windowOf(parameters);
    const seesAll = access.unrestricted || access.finds(type, 'r') === undefined;
    if (!(await isSeenNow(access, key, store))) throw notFound(key);
    const { page, next, earlier, total } = await pageOf(
      (from, most) => store.history(key, { count: most, since, before: from }),
      {
        count,
        before,
        seen: seesAll ? undefined : (versions) => seenOf(access, versions, 'r'),
      },
    );
    // Where the window is empty, the newest version tells whether there is such a resource.
    if (page.length === 0 && (await store.read([key]))[0] === undefined) throw notFound(key);
    const self = queryOf(parameters);
    const links: Link[] = [{ relation: 'self', url: `${base}/${type}/${id}/_history${self && `?${self}`}` }];
    if (next !== undefined) {
      const window = [
        `_count=${count}`,
        since === undefined ? '' : `_since=${new Date(since).toISOString()}`,
        `_before=${next}`,
      ];
      links.push({ relation: 'next', url: `${base}/${type}/${id}/_history?${window.filter(Boolean).join('&')}` });
    }
    const entries = page.map((version) => ({
      fullUrl: `${base}/${type}/${id}`,
      resource: isDeleted(version) ? undefined : access.shows(version.text),
      request: { method: version.method, url: version.method === 'POST' ? type : urlOf(version) },
      response: {
        status: isCreation(version, earlier.get(version)) ? '201 Created' : STATUS[version.method],
        etag: etagOf(version),
        lastModified: version.lastUpdated,
      },
    }));
    const patients = [...new Set(page.flatMap((version) => patientsIn(version.key, version.text)))];
    return { status: 200, text: bundleText('history', entries, { total, links }), patients };
  },
};
