/** Takes on the SearchParameters that are stored and that nothing is kept of: an older Watchfire stored them and followed none. docs/search-parameters.md */
import { Problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import { plainQuery } from '../search/query.ts';
import { type Change, type Cursor, isConflict, isDeleted, type Store, type Version } from '../store/store.ts';
import { whatFollows } from './follow-parameter.ts';
import { kinds } from './kept.ts';

export interface StoredParametersParts {
  /** The guarded store, so that search knows what is registered. */
  readonly store: Pick<Store, 'read' | 'get' | 'list' | 'search' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now' | 'random' | 'sleep'>;
  /** A stored text with references relative to this server. */
  readonly relative: (text: string) => string;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly signal: AbortSignal;
}

const PAGE = 100;
/** How long a store that cannot answer now is left alone, in milliseconds. */
const PAUSE = 1_000;

/**
 * With the checks of a write; what they refuse is logged by id and left out, and tried again at the next start. Resolves when
 * all are seen or the signal aborts; call it once the index is current.
 */
export async function registerStored(parts: StoredParametersParts): Promise<void> {
  const { runtime, log, signal } = parts;
  while (!signal.aborted) {
    try {
      return await registerAll(parts);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem && error.status === 503)) {
        return log.error('registering stored search parameters stopped', error);
      }
      await runtime.sleep(PAUSE, signal);
    }
  }
}

async function registerAll(parts: StoredParametersParts): Promise<void> {
  // A composite names others, which must be known by then.
  await registerThose(parts, (type) => type !== 'composite');
  await registerThose(parts, (type) => type === 'composite');
}

type Choice = (type: unknown) => boolean;

async function registerThose(parts: StoredParametersParts, isChosen: Choice): Promise<void> {
  const { store, signal } = parts;
  const query = plainQuery('SearchParameter', { is: 'all', of: [] }, PAGE);
  let after: Cursor | undefined;
  do {
    const page = await store.search(query, after, signal);
    for (const version of page.matches) await register(parts, version, isChosen);
    after = page.next;
  } while (after !== undefined && !signal.aborted);
}

async function register(parts: StoredParametersParts, found: Version, isChosen: Choice): Promise<void> {
  const { store, signal } = parts;
  for (let version: Version | undefined = found; !signal.aborted; [version] = await store.read([found.key])) {
    if (version === undefined || isDeleted(version)) return;
    const { key, versionId } = version;
    const changes = await changesFor(parts, version, isChosen);
    if (changes.length === 0) return;
    try {
      await store.commit([{ op: 'expect', of: key, at: versionId }, ...changes]);
      return;
    } catch (error) {
      if (!isConflict(error)) throw error; // a write that came between has followed it, or leaves it to another look
    }
  }
}

async function changesFor(
  { store, runtime, relative, log }: StoredParametersParts,
  { key: { id }, text }: Version,
  isChosen: Choice,
): Promise<readonly Change[]> {
  const [kept] = await store.get(kinds.parameter, [id]);
  if (kept !== undefined) return [];
  try {
    const resource: Resource = JSON.parse(relative(text));
    if (!isChosen(resource['type'])) return [];
    return await whatFollows({ id, after: resource, pending: [], look: store, now: runtime.now(), runtime });
  } catch (error) {
    if (!(error instanceof Problem && error.status === 422)) throw error;
    log.warn('stored search parameter is left out', { id, code: error.code });
    return [];
  }
}
