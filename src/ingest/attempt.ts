/** One attempt at readings of one device: what each of them means beside what is kept, and one transaction for all. */
import { kindsIn } from '../alerts/person.ts';
import { isImplant } from '../alerts/spoken.ts';
import type { Thresholds } from '../alerts/thresholds.ts';
import { assignmentsOf, type KeptAssignments } from '../assignments/kept.ts';
import { patientAt } from '../assignments/periods.ts';
import { Problem, problem } from '../fhir/outcome.ts';
import { keyOf } from '../fhir/references.ts';
import { insideRequest, type Origin } from '../interactions/inside.ts';
import type { Entry, FhirAnswer } from '../interactions/interaction.ts';
import { type Change, isDeleted, type Kept, type Version } from '../store/store.ts';
import { ingestAccess } from './access.ts';
import { alertsRaised } from './alerts-raised.ts';
import { entryOf } from './entries.ts';
import type { Parsed } from './mapping.ts';
import { observationId, readingInstant } from './observe.ts';
import { type Decision, decideAll, type KeptReading, keptAfter } from './reading.ts';
import type { Applied, DeviceContext, IngestRoom } from './room.ts';
import { createSequence } from './sequence.ts';

const KIND = 'reading';

/** A reading beside what is kept of it. */
interface Seen {
  readonly parsed: Parsed;
  readonly key: string;
  readonly kept: Kept | undefined;
  readonly was: KeptReading | undefined;
  /** Id of each of its Observations, by name. */
  readonly ids: ReadonlyMap<string, string>;
  readonly decisions: ReadonlyMap<string, Decision>;
}

/** Whose the device was, and what has to hold still at commit. */
interface Attribution extends KeptAssignments {
  readonly isThere: boolean;
  /** What is normal for a vital sign says nothing of what it tells. */
  readonly isOfImplant: boolean;
  readonly persons: ReadonlyMap<string, object>;
  readonly still: readonly Change[];
}

/**
 * What became of each reading; their times differ. `wholly`: where one is refused none is stored, and of the others nothing is said. `isInVain`: none is stored.
 * Throws a store's conflict, or what the transaction as a whole was refused for.
 */
export type Attempt = (
  readings: readonly Parsed[],
  device: DeviceContext,
  origin: Origin,
  how: {
    readonly isRetry: boolean;
    readonly wholly: boolean;
    readonly isInVain?: boolean;
    readonly also?: readonly Change[];
  },
) => Promise<readonly (Applied | Problem | undefined)[]>;

const noThresholds: Thresholds = new Map();

export function createAttempt(room: IngestRoom): Attempt {
  const { mapping, dispatch, store, runtime, canonical, thresholds } = room;
  const nextId = createSequence(store, 'vital-sign');

  /** The first time nothing can be there; whatever is there after all shows at commit. */
  async function see(readings: readonly Parsed[], device: string, isRetry: boolean, keys: readonly string[]) {
    const kept = await store.get(KIND, keys);
    const ids = readings.map(
      ({ sent, instant }) => new Map([...sent.keys()].map((name) => [name, observationId(device, instant, name)])),
    );
    const asked = readings.flatMap((_, i) => (kept[i] || isRetry ? [...ids[i]!.values()] : []));
    const found = asked.length > 0 ? await store.read(asked.map((id) => ({ type: 'Observation', id }))) : [];
    const newest = new Map(asked.map((id, n) => [id, found[n]]));
    return readings.map((parsed, i): Seen => {
      const was = kept[i]?.value as KeptReading | undefined;
      const newestOf = new Map<string, Version | undefined>();
      for (const [name, id] of ids[i]!) newestOf.set(name, newest.get(id));
      const decisions = decideAll(was, parsed, newestOf);
      return { parsed, key: keys[i]!, kept: kept[i], was, ids: ids[i]!, decisions };
    });
  }

  /** The device, and each of its patients at the times of the readings, read once. */
  async function attribute(
    { periods, still }: Awaited<ReturnType<typeof assignmentsOf>>,
    readings: readonly Parsed[],
    { key }: DeviceContext,
  ): Promise<Attribution> {
    const patients = [...new Set(readings.flatMap(({ instant }) => patientAt(periods, instant) ?? []))];
    const [device, ...people] = await store.read([key, ...patients.map((patient) => keyOf(patient)!)]);
    const persons = new Map(
      people.map((person, i) => [patients[i]!, person && !isDeleted(person) ? JSON.parse(person.text) : {}]),
    );
    const isThere = device !== undefined && !isDeleted(device);
    const same: Change = { op: 'expect', of: key, at: isThere ? device.versionId : 'absent' };
    const isOfImplant = isThere && isImplant(kindsIn(JSON.parse(device.text)));
    return { periods, isThere, isOfImplant, persons, still: [same, still] };
  }

  /** Why a reading cannot be stored. */
  function refusalOf({ parsed, decisions }: Seen, { isThere, periods }: Attribution): Problem | undefined {
    try {
      for (const [name, decision] of decisions) {
        if (decision.does !== 'repeat') mapping.demandPlausible(name, decision.sent);
      }
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
    if (!isThere) return problem('business-rule', 'Device not found in system', { status: 400 });
    if (patientAt(periods, parsed.instant) === undefined)
      return problem('business-rule', 'Device not assigned to patient', { status: 400 });
    return undefined;
  }

  return async (readings, device, origin, { isRetry, wholly, isInVain = false, also = [] }) => {
    const { deviceId, key } = device;
    const keys = readings.map(({ instant }) => `${key.id}|${readingInstant(instant)}`);
    // Both in one round trip.
    const [seen, assigned] = await Promise.all([see(readings, key.id, isRetry, keys), assignmentsOf(key.id, store)]);
    const isRepeat = ({ decisions }: Seen) => [...decisions.values()].every(({ does }) => does === 'repeat');
    const news = seen.filter((one) => !isRepeat(one));
    const outcomes = new Map<Seen, Applied | Problem>();
    for (const one of seen) {
      if (isRepeat(one))
        outcomes.set(one, {
          isNew: false,
          isRecorded: false,
          vitalSignId: one.was!.vitalSignId,
          alerts: 0,
          created: 0,
        });
    }
    if (news.length === 0) return seen.map((one) => outcomes.get(one));

    const attribution = await attribute(
      assigned,
      news.map(({ parsed }) => parsed),
      device,
    );
    const taken = news.filter((one) => {
      const refusal = refusalOf(one, attribution);
      if (refusal) outcomes.set(one, refusal);
      return !refusal;
    });
    const isHeldBack = isInVain || (wholly && taken.length < news.length);
    if (isHeldBack || taken.length === 0)
      return seen.map((one) => (isHeldBack && !(outcomes.get(one) instanceof Problem) ? undefined : outcomes.get(one)));

    const issued = runtime.now();
    const reference = `Device/${key.id}`;
    const entries: Entry[] = [];
    const states: Change[] = [];
    const numbers: number[] = [];
    for (const { parsed, was, kept, ids, decisions, key: at } of taken) {
      const vitalSignId = was?.vitalSignId ?? (await nextId());
      numbers.push(vitalSignId);
      const patient = patientAt(attribution.periods, parsed.instant)!;
      const person = attribution.persons.get(patient)!;
      const { timestamp, instant } = parsed;
      const by = { status: 'final' as const, deviceId, device: reference, patient, person, timestamp, instant, issued };
      for (const [name, decision] of decisions) {
        const limits = attribution.isOfImplant ? noThresholds : thresholds;
        const circumstances = { ...by, id: ids.get(name)!, vitalSignId, canonical, thresholds: limits };
        entries.push(...entryOf(mapping.spec.get(name)!, decision, circumstances));
      }
      const value = keptAfter(was, decisions, vitalSignId);
      states.push({ op: 'put', kind: KIND, key: at, value, expect: kept?.revision ?? 'absent' });
    }
    const request = insideRequest(origin, { interaction: 'transaction', type: '', entries });
    const caller = { ...device.caller, access: ingestAccess(reference) };
    const answer: FhirAnswer = await dispatch(request, caller, [...states, ...attribution.still, ...also]);
    const raised = alertsRaised(answer);
    for (const [n, one] of taken.entries()) {
      const alerts = [...one.ids.values()].reduce((sum, id) => sum + (raised.get(`Observation/${id}`) ?? 0), 0);
      const decisions = [...one.decisions.values()];
      const isNew = decisions.some(({ does }) => does !== 'repeat' && does !== 'stand');
      const created = decisions.filter(({ does }) => does === 'create').length;
      outcomes.set(one, { isNew, isRecorded: true, vitalSignId: numbers[n]!, alerts, created });
    }
    return seen.map((one) => outcomes.get(one));
  };
}
