/** The one reader of the version log that feeds all streams of a server, and what it read last. */
import { relativeTo } from '../../fhir/own-base.ts';
import type { Resource, ResourceKey } from '../../fhir/references.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import { isAbsent, isDeleted, type Store, type StoredChange, type Token, type Version } from '../../store/store.ts';
import type { Topics, Trigger } from './topics.ts';

/** One version that sets off a topic. */
export interface Happening {
  readonly token: Token;
  readonly trigger: Trigger;
  readonly key: ResourceKey;
  readonly versionId: number;
  readonly lastUpdated: number;
  readonly isDeleted: boolean;
  /** The version; of what was deleted the one before. References below our base are relative, as rights are told by. */
  readonly resource: Resource;
  readonly text: string;
}

/** A place in the log with what happened there, mostly nothing. */
export interface Place {
  readonly token: Token;
  /** `Type/id/versionId` */
  readonly name: string;
  readonly happenings: readonly Happening[];
}

export interface ReaderParts {
  readonly store: Pick<Store, 'changes' | 'end' | 'vread'>;
  readonly topics: Topics;
  readonly base: string;
  readonly runtime: Runtime;
  readonly log: Pick<Log, 'error'>;
  readonly signal: AbortSignal;
  /** Characters that are remembered; 16 million where not said. */
  readonly most?: number;
}

export interface Reader {
  /** Begins to read, once. Resolves when it has a place from which on nothing is missed. */
  start(): Promise<void>;
  /** After what was read last. */
  position(): Token;
  /** Hears every place from now on. */
  join(listener: (place: Place) => void): () => void;
  /** The places after this one, where it is among those read last. */
  since(token: Token): readonly Place[] | undefined;
  /** What one version of the log is an event of. */
  placeOf(change: StoredChange): Promise<Place>;
  readonly stopped: Promise<void>;
}

/** Places that are remembered for those who were gone for a moment. */
const REMEMBERED = 5_000;
/** Characters of their resources, which stand in memory as text and parsed: a report may be of megabytes. */
const MOST_CHARACTERS = 16_000_000;
const pauseAfterFault = 1_000;

const weightOf = ({ happenings }: Place): number => happenings.reduce((sum, { text }) => sum + text.length, 0);
const nameOf = ({ key, versionId }: Version): string => `${key.type}/${key.id}/${versionId}`;

export function createReader({ store, topics, base, runtime, log, signal, most }: ReaderParts): Reader {
  const relative = relativeTo(base);
  const parsed = (text: string): Resource => JSON.parse(relative(text));
  const listeners = new Set<(place: Place) => void>();
  const recent = new Map<string, Place>();
  let weight = 0;
  let position: Token = '';
  let starting: Promise<void> | undefined;
  let reading: Promise<void> = Promise.resolve();

  async function placeOf({ token, version }: StoredChange): Promise<Place> {
    const { key, versionId, lastUpdated } = version;
    const name = nameOf(version);
    if (!topics.watches(key.type)) return { token, name, happenings: [] };
    const isGone = isDeleted(version);
    const previous =
      versionId > 1 && (isGone || topics.looksBack(key.type)) ? await store.vread(key, versionId - 1) : undefined;
    // Where nobody needs to look back it is enough that there was something.
    const hasBefore = previous ? !isAbsent(previous) : versionId > 1 && !topics.looksBack(key.type) && !isGone;
    const after = isGone ? undefined : parsed(version.text);
    const before = previous && hasBefore ? parsed(previous.text) : hasBefore ? after : undefined;
    const resource = after ?? before;
    if (!resource) return { token, name, happenings: [] };
    const text = isGone ? previous!.text : version.text;
    const happenings = topics
      .of({ key, lastUpdated, before, after })
      .map((trigger) => ({ token, trigger, key, versionId, lastUpdated, isDeleted: isGone, resource, text }));
    return { token, name, happenings };
  }

  function forget(name: string): void {
    const place = recent.get(name);
    if (place) weight -= weightOf(place);
    recent.delete(name);
  }

  function remember(place: Place): void {
    forget(place.name);
    recent.set(place.name, place);
    weight += weightOf(place);
    while (recent.size > REMEMBERED || (weight > (most ?? MOST_CHARACTERS) && recent.size > 1))
      forget(recent.keys().next().value!);
  }

  async function read(): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const change of store.changes(position, signal)) {
          const place = await placeOf(change);
          // A log may hand over a version twice.
          const isNew = !recent.has(place.name);
          remember(place);
          position = place.token;
          if (isNew) for (const listener of listeners) listener(place);
        }
      } catch (error) {
        if (signal.aborted) return;
        log.error('live events interrupted', error);
        await runtime.sleep(pauseAfterFault, signal);
      }
    }
  }

  async function begin(): Promise<void> {
    position = await store.end();
    reading = read();
  }

  return {
    start() {
      starting ??= begin().catch((error) => {
        starting = undefined;
        throw error;
      });
      return starting;
    },
    position: () => position,
    join(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    since(token) {
      if (token === position) return [];
      const places = [...recent.values()];
      const at = places.findLastIndex((place) => place.token === token);
      return at < 0 ? undefined : places.slice(at + 1);
    },
    placeOf,
    get stopped() {
      return reading;
    },
  };
}
