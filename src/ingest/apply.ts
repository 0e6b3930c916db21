/** Applies one reading of a device: at most one transaction, however often it is sent. Retries are told from corrections by what is kept. */
import type { Thresholds } from '../alerts/thresholds.ts';
import { assignmentsOf } from '../assignments/kept.ts';
import { patientAt } from '../assignments/periods.ts';
import { Problem, problem } from '../fhir/outcome.ts';
import { keyOf, type ResourceKey } from '../fhir/references.ts';
import { insideRequest, type Origin } from '../interactions/inside.ts';
import type { Caller, Dispatch, Entry, FhirAnswer } from '../interactions/interaction.ts';
import { createLine, settle } from '../interactions/settle.ts';
import type { Runtime } from '../runtime.ts';
import { type Change, isDeleted, type Store, type Version } from '../store/store.ts';
import { ingestAccess } from './access.ts';
import type { Mapping, Parsed } from './mapping.ts';
import { type Circumstances, observationId, observe, readingInstant } from './observe.ts';
import { type Decision, decideAll, type KeptReading, keptAfter } from './reading.ts';
import { createSequence } from './sequence.ts';
import { standingIssue } from './standing.ts';

const KIND = 'reading';

export interface IngestRoom {
  readonly mapping: Mapping;
  readonly dispatch: Dispatch;
  readonly store: Pick<Store, 'read' | 'get' | 'commit'>;
  readonly runtime: Runtime;
  readonly canonical: string;
  readonly thresholds: Thresholds;
}

export interface DeviceContext {
  readonly caller: Caller;
  readonly key: ResourceKey;
  /** The value of Device.identifier that it calls itself by. */
  readonly deviceId: string;
}

export interface Applied {
  /** False for a repeat that changed nothing. */
  readonly isNew: boolean;
  /** False where nothing went through the gate, so that nobody has recorded it. */
  readonly isRecorded: boolean;
  readonly vitalSignId: number;
  /** Flags that were opened or raised. */
  readonly alerts: number;
  /** Observations that were not there before. */
  readonly created: number;
}

/** `also` goes into the commit of a reading that is not a repeat. */
export type Apply = (
  parsed: Parsed,
  device: DeviceContext,
  origin: Origin,
  also?: readonly Change[],
) => Promise<Applied>;

type Assignments = Awaited<ReturnType<typeof assignmentsOf>>;

/**
 * What anybody else's commit may have changed under our feet, so that looking again helps. Where something stands that the device
 * did not send it is told that nothing is found there.
 */
const isOvertaken = (error: unknown): boolean =>
  error instanceof Problem && ([404, 409, 412].includes(error.status) || error.code === 'lock-error');

const tooBusy = (): Problem =>
  problem('transient', 'The reading is being written by others; try again', { headers: { 'Retry-After': '1' } });

/** Flags that a commit opened or raised: those that it saved as active. */
const alertsIn = ({ effects = [] }: FhirAnswer): number =>
  effects.filter((e) => e.op === 'save' && e.key.type === 'Flag' && e.resource.status === 'active').length;

/**
 * Throws what the mapping throws, and `business-rule` (400) where no patient is assigned at the reading's time or the device
 * is gone, `transient` (503) where others kept changing the same reading for 5 seconds.
 */
export function createApply(room: IngestRoom): Apply {
  const { mapping, dispatch, store, runtime, canonical, thresholds } = room;
  const nextId = createSequence(store, 'vital-sign');
  const line = createLine();

  /** Who was the patient then; with what has to hold still at commit. */
  async function attribute({ instant }: Parsed, device: ResourceKey, assigned: Assignments) {
    const patient = patientAt(assigned.periods, instant);
    const [device_, person] = await store.read(patient ? [device, keyOf(patient)!] : [device]);
    if (!device_ || isDeleted(device_)) throw problem('business-rule', 'Device not found in system', { status: 400 });
    if (!patient) throw problem('business-rule', 'Device not assigned to patient', { status: 400 });
    const still: Change[] = [{ op: 'expect', of: device, at: device_.versionId }, assigned.still];
    return { patient, person: person && !isDeleted(person) ? JSON.parse(person.text) : {}, still };
  }

  function entryOf(name: string, decision: Decision, at: Circumstances): readonly Entry[] {
    const spec = mapping.spec.get(name)!;
    if (decision.does === 'repeat') return [];
    if (decision.does === 'stand') {
      const body = standingIssue(spec, decision.sent, decision.newest, decision.isNews, at);
      return [put(body, { ifNoneMatch: '*' })];
    }
    if (decision.does === 'create') return [put(observe(spec, decision.sent, at), { ifNoneMatch: '*' })];
    const status = decision.does === 'correct' ? 'corrected' : 'amended';
    return [put(observe(spec, decision.sent, { ...at, status }), { ifMatch: decision.versionId })];
  }

  async function attempt(
    parsed: Parsed,
    device: DeviceContext,
    origin: Origin,
    also: readonly Change[],
    isRetry: boolean,
  ): Promise<Applied> {
    const { deviceId, key } = device;
    // Both in one round trip.
    const [[kept], assigned] = await Promise.all([
      store.get(KIND, [`${key.id}|${readingInstant(parsed.instant)}`]),
      assignmentsOf(key.id, store),
    ]);
    const reading = kept?.value as KeptReading | undefined;
    const ids = new Map([...parsed.sent.keys()].map((name) => [name, observationId(key.id, parsed.instant, name)]));
    // The first time nothing can be there; whatever is there after all shows at commit.
    const newest = kept || isRetry ? await newestOf(ids) : new Map<string, Version | undefined>();
    const decisions = decideAll(reading, parsed, newest);
    const isRepeat = [...decisions.values()].every(({ does }) => does === 'repeat');
    if (isRepeat) return { isNew: false, isRecorded: false, vitalSignId: reading!.vitalSignId, alerts: 0, created: 0 };
    for (const [name, decision] of decisions) {
      if (decision.does !== 'repeat') mapping.demandPlausible(name, decision.sent);
    }

    const { patient, person, still } = await attribute(parsed, key, assigned);
    const vitalSignId = reading?.vitalSignId ?? (await nextId());
    const at = {
      status: 'final' as const,
      deviceId,
      device: `Device/${key.id}`,
      patient,
      person,
      timestamp: parsed.timestamp,
      instant: parsed.instant,
      issued: runtime.now(),
      vitalSignId,
      canonical,
      thresholds,
    };
    const entries = [...decisions].flatMap(([name, decision]) =>
      entryOf(name, decision, { ...at, id: ids.get(name)! }),
    );
    const state: Change = {
      op: 'put',
      kind: KIND,
      key: `${key.id}|${readingInstant(parsed.instant)}`,
      value: keptAfter(reading, decisions, vitalSignId),
      expect: kept?.revision ?? 'absent',
    };
    const request = insideRequest(origin, { interaction: 'transaction', type: '', entries });
    const caller = { ...device.caller, access: ingestAccess(at.device) };
    const answer = await dispatch(request, caller, [state, ...still, ...also]);
    const isNew = [...decisions.values()].some(({ does }) => does !== 'repeat' && does !== 'stand');
    const created = [...decisions.values()].filter(({ does }) => does === 'create').length;
    return { isNew, isRecorded: true, vitalSignId, alerts: alertsIn(answer), created };
  }

  async function newestOf(ids: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, Version | undefined>> {
    const versions = await store.read([...ids.values()].map((id) => ({ type: 'Observation', id })));
    return new Map([...ids.keys()].map((name, i) => [name, versions[i]]));
  }

  return (parsed, device, origin, also = []) => {
    for (const [name, sent] of parsed.sent) mapping.demandPlausible(name, sent);
    const applied = (isRetry: boolean) => attempt(parsed, device, origin, also, isRetry);
    return line(device.key.id, () => settle(runtime, applied, { isOvertaken, tooBusy }));
  };
}

const put = (body: Entry['body'] & {}, conditions: Entry['conditions']): Entry => {
  const url = `${body.resource.resourceType}/${body.resource.id}`;
  return { fullUrl: url, method: 'PUT', url, body, conditions };
};
