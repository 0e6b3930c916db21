/**
 * Keeps Device.patient, DeviceUseStatement and the periods behind them in step, in the commit that changes one of them.
 * https://hl7.org/fhir/R4/device.html, https://hl7.org/fhir/R4/deviceusestatement.html
 */
import { createHash } from 'node:crypto';
import { writeExact } from '../fhir/json.ts';
import { keyOf, type Resource, referenceTo } from '../fhir/references.ts';
import type { Derive, Draft, Pending } from '../interactions/interaction.ts';
import { keptNow, resourceNow } from '../interactions/pending.ts';
import { uuidv7 } from '../runtime.ts';
import { type Change, isDeleted, type Look, type Version } from '../store/store.ts';
import { assignmentKind, type KeptAssignments } from './kept.ts';
import { type Assignment, assignmentOf, withAssignment, withoutAssignment } from './periods.ts';

const resourceOf = (version: Version | undefined): Resource | undefined =>
  version && !isDeleted(version) ? JSON.parse(version.text) : undefined;

/** `Patient/1` without a version; undefined for anything but a literal reference to one here. */
function localPatient(device: Resource | undefined): string | undefined {
  const key = keyOf(device?.patient?.reference ?? '');
  return key?.type === 'Patient' ? referenceTo(key) : undefined;
}

/**
 * A change of Device.patient ends the assignment that was and begins another. A device's first assignment reaches back: its
 * DeviceUseStatement has no timingPeriod until it ends. A later one begins now.
 */
export const followDevice: Derive = async ({ key, before, after }, pending, look, { now }) => {
  const was = localPatient(resourceOf(before));
  const is = localPatient(after);
  if (was === is) return [];
  const { value, expect } = await keptNow(assignmentKind, key.id, pending, look);
  let periods = (value as KeptAssignments | undefined)?.periods ?? [];
  const isFirst = periods.length === 0;
  const changes: (Draft | Change)[] = [];
  for (const open of periods.filter(({ patient, to }) => patient === was && to === undefined)) {
    const ended = { ...open, to: now };
    const saved = await end(ended, pending, look);
    if (!saved) continue;
    changes.push(saved);
    // One that was to begin later never was.
    periods = (open.from ?? now) > now ? withoutAssignment(periods, open.use) : withAssignment(periods, ended);
  }
  // Whose it was before it was taken out does not get it anew.
  const isOver = after?.status === 'inactive';
  const covers = periods.some(
    ({ patient, from, to }) => patient === is && (isOver || to === undefined) && (from ?? 0) <= now,
  );
  if (is !== undefined && !covers) {
    const use = idOf(key.id, is, now, periods.length);
    periods = withAssignment(periods, { patient: is, use, from: isFirst ? undefined : now });
    changes.push({
      op: 'save',
      key: { type: 'DeviceUseStatement', id: use },
      method: 'PUT',
      resource: statement(use, referenceTo(key), is, isFirst ? undefined : now, now),
      expect: 'absent',
    });
  }
  return [...changes, { op: 'put', kind: assignmentKind, key: key.id, value: { periods }, expect }];
};

const idOf = (device: string, patient: string, now: number, count: number): string =>
  uuidv7(now, createHash('sha256').update(`${device}|${patient}|${count}|DeviceUseStatement`).digest());

const statement = (id: string, device: string, patient: string, from: number | undefined, now: number): Resource => ({
  resourceType: 'DeviceUseStatement',
  id,
  status: 'active',
  subject: { reference: patient },
  ...(from === undefined ? {} : { timingPeriod: { start: new Date(from).toISOString() } }),
  recordedOn: new Date(now).toISOString(),
  device: { reference: device },
});

/** The DeviceUseStatement of an assignment that has ended; undefined where somebody deleted it. */
async function end({ use, to }: Assignment, pending: Pending, look: Look): Promise<Draft | undefined> {
  const key = { type: 'DeviceUseStatement', id: use };
  const newest = await resourceNow(key, pending, look);
  if (!newest) return undefined;
  const { timingDateTime, timingTiming, ...rest } = newest.resource;
  const text = writeExact({
    ...rest,
    status: 'completed',
    timingPeriod: { ...rest.timingPeriod, end: new Date(to!).toISOString() },
  });
  return { op: 'save', key, method: 'PUT', resource: JSON.parse(text), text, expect: newest.expect };
}

/** A DeviceUseStatement that a client writes or deletes changes the periods of the device it names, and of the one it named. */
export const followUse: Derive = async ({ key, before, after }, pending, look, { now }) => {
  const named = (resource: Resource | undefined) => {
    const device = keyOf(resource?.device?.reference ?? '');
    return device?.type === 'Device' ? device.id : undefined;
  };
  const is = named(after);
  const changes: Change[] = [];
  for (const device of new Set([named(resourceOf(before)), is])) {
    if (device === undefined) continue;
    const { value, expect } = await keptNow(assignmentKind, device, pending, look);
    const periods = (value as KeptAssignments | undefined)?.periods ?? [];
    const others = withoutAssignment(periods, key.id);
    const was = periods.find(({ use }) => use === key.id);
    const one = device === is ? assignmentOf({ ...after, id: key.id }, now, was, others.length === 0) : undefined;
    const next = one ? withAssignment(others, one) : others;
    if (JSON.stringify(next) === JSON.stringify(periods)) continue;
    changes.push({ op: 'put', kind: assignmentKind, key: device, value: { periods: next }, expect });
  }
  return changes;
};
