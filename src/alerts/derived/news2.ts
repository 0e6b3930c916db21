/** NEWS2 of a patient out of the newest reading of each of its seven parameters. Royal College of Physicians, 2017; docs/alerts.md#news2 */
import { keyOf, type Resource } from '../../fhir/references.ts';
import type { Criterion } from '../../search/query.ts';
import { isDeleted, type Store } from '../../store/store.ts';
import { ageAt } from '../interpret.ts';
import { AHEAD, instantOf } from '../spoken.ts';
import type { Thresholds } from '../thresholds.ts';
import { derivedObservation } from './derived.ts';
import { createReadings, type Newest, newestFirst, sourceOf } from './news2-readings.ts';
import { type Inputs, news2Of, type Parameter, parameters, type Scale } from './news2-table.ts';
import { isWithdrawn } from './take-back.ts';

/** From so many completed years on. */
const ADULT = 16;
/** The same scores are stored again after so many milliseconds: a monitor sends every second. */
const AGAIN = 5 * 60_000;
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
  /** Takes a reading in, `arrived` by the clock of the server; true where the score of its patient may be another now. */
  learn(patient: string, observation: Resource, arrived: number): Promise<boolean>;
  /** The score as of the newest reading; undefined where one of the seven is missing, or nothing is new. */
  scoreOf(patient: string, now: number): Promise<(Resource & { readonly id: string }) | undefined>;
  /** To be called when a score is stored, or refused for good, and not before: one whose commit failed has to come again. */
  settled(patient: string, score: Resource): void;
}

interface Standing {
  readonly at: number;
  readonly scores: string;
}
const never: Standing = { at: Number.NEGATIVE_INFINITY, scores: '' };

const stillTrue: Criterion = {
  is: 'not',
  of: { is: 'key', name: 'Observation.status', first: 'entered-in-error', second: '' },
};

/** What is rarely there comes first: nobody looks further where it is missing. */
const inOrder: readonly Parameter[] = ['consciousness', ...parameters.filter((one) => one !== 'consciousness')];

export function createNews2(parts: News2Parts): News2 {
  const { store, canonical, vitals, window } = parts;
  const readings = createReadings({ store, canonical, vitals });
  /** When each patient's consciousness was seen last. Devices at home never see it: nobody looks further then. */
  const seen = new Map<string, number>();
  const stored = new Map<string, Standing>();

  async function consciousAt(patient: string, now: number): Promise<number> {
    const known = seen.get(patient);
    if (known !== undefined) return known;
    const newest = await readings.newestOf(patient, 'consciousness', now - 2 * window, now + AHEAD);
    const at = newest?.at ?? Number.NEGATIVE_INFINITY;
    if (seen.size >= MOST_PATIENTS) seen.clear();
    seen.set(patient, at);
    return at;
  }

  /** The newest of each parameter; undefined where one is older than the window beside the newest of all, or missing. */
  async function newestOfAll(patient: string, now: number): Promise<ReadonlyMap<Parameter, Newest> | undefined> {
    const all = new Map<Parameter, Newest>();
    for (const parameter of inOrder) {
      // What runs ahead of the clock is no newest reading.
      const newest = await readings.newestOf(patient, parameter, now - 2 * window, now + AHEAD);
      if (!newest) return undefined;
      all.set(parameter, newest);
    }
    const times = [...all.values()].map(({ at }) => at);
    return Math.min(...times) >= Math.max(...times) - window ? all : undefined;
  }

  /** The scores that were stored last; a server that has just begun asks the store. */
  async function storedOf(patient: string): Promise<Standing> {
    const known = stored.get(patient);
    if (known) return known;
    const own: Criterion = {
      is: 'key',
      name: 'Observation.code',
      first: `${canonical}/CodeSystem/derived|`,
      second: 'news2-total',
    };
    const [newest] = (await newestFirst(store, patient, [own, stillTrue], 1)).matches;
    return newest ? standingOf(JSON.parse(newest.text)) : never;
  }

  return {
    async learn(patient, observation, arrived) {
      const isTakenBack = isWithdrawn(observation);
      if (isTakenBack) {
        seen.delete(patient);
        // The score that was stored last may be of it.
        stored.delete(patient);
      }
      const as = isTakenBack ? { ...observation, status: 'final' } : observation;
      const told = readings.toldIn(as, arrived);
      if (!told || Object.keys(told).length === 0) return false;
      if (!isTakenBack) readings.learn(patient, observation, told);
      const at = instantOf(observation, arrived);
      // Before this one counts: a late one is not the newest.
      const conscious = await consciousAt(patient, arrived);
      if (isTakenBack || told.consciousness === undefined || at <= conscious) return conscious >= at - window;
      seen.set(patient, at);
      return true;
    },
    async scoreOf(patient, now) {
      const newest = await newestOfAll(patient, now);
      if (!newest) return undefined;
      const at = Math.max(...[...newest.values()].map((one) => one.at));
      const person = await personOf(patient, store, canonical);
      // As everywhere in the house: of unknown age is an adult.
      if (!person || (person.birthDate !== undefined && ageAt(person.birthDate, at) < ADULT)) return undefined;
      const inputs = Object.fromEntries([...newest].map(([parameter, { value }]) => [parameter, value]));
      const { scores, total, highest } = news2Of(inputs as unknown as Inputs, person.scale);
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
          from: [...newest.values()].map(sourceOf),
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
function standingOf(score: Resource): Standing {
  const scores = ((score['component'] as any[]) ?? []).map(({ valueQuantity }) => valueQuantity.value).join(' ');
  return { at: instantOf(score, 0), scores };
}

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
