/** NEWS2 of a patient out of the newest reading of each of its seven parameters. Royal College of Physicians, 2017; docs/alerts.md#news2 */
import { keyOf, type Resource, referenceTo } from '../../fhir/references.ts';
import type { Criterion } from '../../search/query.ts';
import { plainQuery } from '../../search/query.ts';
import { type Cursor, isDeleted, type Store, type Version } from '../../store/store.ts';
import { ageAt } from '../interpret.ts';
import { instantOf, isOfImplant, isSpoken, isTrusted } from '../spoken.ts';
import type { Thresholds } from '../thresholds.ts';
import { derivedObservation, isDerived, type Source } from './derived.ts';
import { consciousnessCode, inputsIn } from './news2-inputs.ts';
import { type Inputs, news2Of, type Parameter, parameters, type Scale } from './news2-table.ts';

/** From so many completed years on. */
const ADULT = 16;
/** The same scores are stored again after so many milliseconds: a monitor sends every second. */
const AGAIN = 5 * 60_000;
const PAGE = 200;
/** Pages of readings that are looked through for the seven. */
const MOST_PAGES = 10;
const MOST_PATIENTS = 10_000;

const NEWS2_TOTAL = {
  system: 'http://snomed.info/sct',
  code: '1104051000000101',
  display: 'Royal College of Physicians NEWS2 (National Early Warning Score 2) total score',
};

export interface News2Parts {
  readonly store: Pick<Store, 'read' | 'search'>;
  readonly canonical: string;
  /** The shipped limits of vital signs: they know what is measured under which code. */
  readonly vitals: Thresholds;
  /** No reading older than this, in milliseconds, counts beside the newest. */
  readonly window: number;
}

export interface News2 {
  /** Takes a reading in; true where the score of its patient may be another now. */
  learn(patient: string, observation: Resource, at: number): Promise<boolean>;
  /** The score as of the newest reading; undefined where one of the seven is missing, or nothing is new. */
  scoreOf(patient: string, now: number): Promise<(Resource & { readonly id: string }) | undefined>;
  /** To be called when a score is stored, or refused for good, and not before: one whose commit failed has to come again. */
  settled(patient: string, score: Resource): void;
}

interface Found {
  readonly inputs: Partial<Inputs>;
  readonly from: ReadonlyMap<Parameter, Source>;
  readonly at: number;
}

export function createNews2(parts: News2Parts): News2 {
  const { store, canonical, vitals, window } = parts;
  /** When each patient's consciousness was seen last. Devices at home never see it: nobody looks further then. */
  const seen = new Map<string, number>();
  const stored = new Map<string, { readonly at: number; readonly scores: string }>();
  const of = (patient: string, ...more: readonly Criterion[]): Criterion => ({
    is: 'all',
    of: [{ is: 'reference', name: 'Observation.subject', target: patient }, ...more],
  });
  const coded = (system: string, code: string): Criterion => ({
    is: 'key',
    name: 'Observation.code',
    first: `${system}|`,
    second: code,
  });
  const newestFirst = (where: Criterion, count: number, after?: Cursor) =>
    store.search(
      {
        ...plainQuery('Observation', where, count),
        sort: [{ by: 'range', name: 'Observation.date', descending: true }],
      },
      after,
    );

  async function consciousAt(patient: string, now: number): Promise<number> {
    const known = seen.get(patient);
    if (known !== undefined) return known;
    const { matches } = await newestFirst(of(patient, coded(consciousnessCode.system, consciousnessCode.code)), 1);
    const [newest] = matches;
    const at = newest ? instantOf(JSON.parse(newest.text), now) : Number.NEGATIVE_INFINITY;
    if (seen.size >= MOST_PATIENTS) seen.clear();
    seen.set(patient, at);
    return at;
  }

  /** The newest of each parameter, of all that is no older than the window beside the newest of all. */
  async function inputsOf(patient: string, now: number): Promise<Found> {
    const inputs: Record<string, unknown> = {};
    const from = new Map<Parameter, Source>();
    let at: number | undefined;
    // What runs ahead of the clock by more than a window is no newest reading.
    const since: Criterion = {
      is: 'range',
      name: 'Observation.date',
      high: { atLeast: now - 2 * window },
      low: { atMost: now + window },
    };
    let after: Cursor | undefined;
    for (let page = 0; page < MOST_PAGES && from.size < parameters.length; page++) {
      const { matches, next } = await newestFirst(of(patient, since), PAGE, after);
      for (const version of matches) {
        const observation = JSON.parse(version.text) as Resource;
        if (!counts(observation)) continue;
        const time = instantOf(observation, now);
        const told = inputsIn(observation, vitals);
        if (Object.keys(told).length === 0) continue;
        at ??= time;
        if (time < at - window) return { inputs: inputs as Partial<Inputs>, from, at };
        for (const [parameter, value] of Object.entries(told) as [Parameter, unknown][]) {
          if (from.has(parameter)) continue;
          inputs[parameter] = value;
          from.set(parameter, sourceOf(version));
        }
      }
      after = next;
      if (after === undefined) break;
    }
    return { inputs: inputs as Partial<Inputs>, from, at: at ?? now };
  }

  const counts = (observation: Resource): boolean =>
    isSpoken(observation) &&
    !isOfImplant(observation, canonical) &&
    !isDerived(observation, canonical) &&
    isTrusted(observation, canonical);

  /** The scores that were stored last; a server that has just begun asks the store. */
  async function storedOf(patient: string): Promise<{ readonly at: number; readonly scores: string }> {
    const known = stored.get(patient);
    if (known) return known;
    const own = coded(`${canonical}/CodeSystem/derived`, 'news2-total');
    const [newest] = (await newestFirst(of(patient, own), 1)).matches;
    if (!newest) return { at: Number.NEGATIVE_INFINITY, scores: '' };
    return standingOf(JSON.parse(newest.text));
  }

  return {
    async learn(patient, observation, at) {
      const isWithdrawn = observation['status'] === 'entered-in-error' || observation['status'] === 'cancelled';
      if (isWithdrawn) seen.delete(patient);
      else if (!counts(observation)) return false;
      const told = inputsIn(observation, vitals);
      if (told.consciousness !== undefined && !isWithdrawn)
        seen.set(patient, Math.max(at, seen.get(patient) ?? Number.NEGATIVE_INFINITY));
      if (Object.keys(told).length === 0) return false;
      return (await consciousAt(patient, at)) >= at - window;
    },
    async scoreOf(patient, now) {
      const { inputs, from, at } = await inputsOf(patient, now);
      if (from.size < parameters.length) return undefined;
      const person = await personOf(patient, store, canonical);
      // As everywhere in the house: of unknown age is an adult.
      if (!person || (person.birthDate !== undefined && ageAt(person.birthDate, at) < ADULT)) return undefined;
      const { scores, total, highest } = news2Of(inputs as Inputs, person.scale);
      const components = [
        ['news2-highest', highest],
        ...parameters.map((parameter) => [`news2-${parameter}`, scores[parameter]] as const),
      ] as const;
      const signature = components.map(([, score]) => score).join(' ');
      const last = await storedOf(patient);
      if (signature === last.scores && at < last.at + AGAIN) return undefined;
      return derivedObservation(
        {
          code: 'news2-total',
          codings: [NEWS2_TOTAL],
          patient,
          at,
          value: total,
          unit: '{score}',
          from: [...from.values()],
          category: 'survey',
          parts: components,
          note: `National Early Warning Score (NEWS) 2, Royal College of Physicians, 2017; oxygen saturation by scale ${person.scale}.`,
        },
        canonical,
      );
    },
    settled(patient, score) {
      if (stored.size >= MOST_PATIENTS) stored.clear();
      stored.set(patient, standingOf(score));
    },
  };
}

/** When a stored score was, and what it is made of. */
function standingOf(score: Resource): { readonly at: number; readonly scores: string } {
  const scores = ((score['component'] as any[]) ?? []).map(({ valueQuantity }) => valueQuantity.value).join(' ');
  return { at: instantOf(score, 0), scores };
}

const sourceOf = ({ key, versionId }: Version): Source => ({ reference: referenceTo(key), versionId });

async function personOf(
  patient: string,
  store: Pick<Store, 'read'>,
  canonical: string,
): Promise<{ readonly birthDate?: string; readonly scale: Scale } | undefined> {
  const key = keyOf(patient);
  const [version] = key ? await store.read([key]) : [];
  if (!version || isDeleted(version)) return undefined;
  const { birthDate, extension } = JSON.parse(version.text);
  const url = `${canonical}/StructureDefinition/oxygen-saturation-scale`;
  const scale = extension?.find((one: any) => one.url === url)?.valueInteger === 2 ? 2 : 1;
  return { birthDate, scale };
}
