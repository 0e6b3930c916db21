/** history of one resource: its versions, newest first. https://hl7.org/fhir/R4/http.html#history */
import { bundleText, type Link } from '../fhir/bundle.ts';
import { problem } from '../fhir/outcome.ts';
import { quote } from '../search/refusals.ts';
import { isFormat } from '../search/result-parameters.ts';
import { isDeleted, type Version } from '../store/store.ts';
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

export const history: Interaction = {
  code: 'history-instance',
  right: 'r',
  async handle({ type, id, base, parameters }, { store, caller }) {
    const key = { type, id };
    const { count, since, before } = windowOf(parameters);
    const { versions, total } = await store.history(key, { count: count + 1, since, before });
    const page = versions.slice(0, count);
    // Where the window is empty, the newest version tells whether there is such a resource, and who may know of it.
    const known = page.length > 0 ? page : (await store.read([key])).filter((version) => version !== undefined);
    if (known.length === 0 || (await seenOf(caller.access, known, 'r')).length < known.length) throw notFound(key);
    if (!(await isSeenNow(caller.access, key, store))) throw notFound(key);
    const self = queryOf(parameters);
    const links: Link[] = [{ relation: 'self', url: `${base}/${type}/${id}/_history${self && `?${self}`}` }];
    if (versions.length > count) {
      const rest = [
        `_count=${count}`,
        since === undefined ? '' : `_since=${new Date(since).toISOString()}`,
        `_before=${page[page.length - 1]!.versionId - 1}`,
      ];
      links.push({ relation: 'next', url: `${base}/${type}/${id}/_history?${rest.filter(Boolean).join('&')}` });
    }
    const entries = page.map((version, i) => ({
      fullUrl: `${base}/${type}/${id}`,
      resource: isDeleted(version) ? undefined : caller.access.shows(version.text),
      request: { method: version.method, url: version.method === 'POST' ? type : urlOf(version) },
      response: {
        status: isCreation(version, versions[i + 1]) ? '201 Created' : STATUS[version.method],
        etag: etagOf(version),
        lastModified: version.lastUpdated,
      },
    }));
    const patients = [...new Set(page.flatMap((version) => patientsIn(version.key, version.text)))];
    return { status: 200, text: bundleText('history', entries, { total, links }), patients };
  },
};
