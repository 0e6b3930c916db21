/**
 * Where the two-stage process hangs on an alert: what it adds to the commit in which an alert opens, gets worse or ends. What
 * follows is done under a lease a moment later (timers.ts), so that nobody who hands in a reading waits for it. docs/escalation.md
 */
import type { Pending } from '../../interactions/interaction.ts';
import { keptNow } from '../../interactions/pending.ts';
import type { Look } from '../../store/store.ts';
import type { Alert, AlertSetting } from '../alert.ts';
import { type Heard, keepProcess, newProcess, type Process, processKinds } from './kept.ts';

export const startProcess = (alert: Alert, { now }: AlertSetting): Pending =>
  keepProcess(newProcess(alert, now), 'absent');

/** It has become worse: it begins again, by the plan for what it is now. */
export async function raiseProcess(
  alert: Alert,
  { now }: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  const { value, expect } = await keptNow(processKinds.process, alert.id, pending, look);
  if (value === undefined) return keepProcess(newProcess(alert, now), expect);
  const process = value as Process;
  const worse = { ...process, alert: { ...process.alert, severity: alert.severity } };
  return keepProcess(hearing(worse, { is: 'raised', at: now }), expect);
}

export const endProcess = (alert: Alert, { now }: AlertSetting, pending: Pending, look: Look): Promise<Pending> =>
  tellProcess(alert.id, { is: 'ended', at: now }, pending, look);

/** Somebody took it up again that was over. */
export const reopenProcess = (alert: Alert, { now }: AlertSetting, pending: Pending, look: Look): Promise<Pending> =>
  tellProcess(alert.id, { is: 'reopened', at: now }, pending, look);

/** Hands an event to the process of an alert, where it has one. */
export async function tellProcess(alert: string, heard: Heard, pending: Pending, look: Look): Promise<Pending> {
  const { value, expect } = await keptNow(processKinds.process, alert, pending, look);
  return value === undefined ? [] : keepProcess(hearing(value as Process, heard), expect);
}

const hearing = (process: Process, heard: Heard): Process => ({ ...process, heard: [...process.heard, heard] });
