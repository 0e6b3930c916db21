/** When warnings of one patient come thick and fast, one alert stands for those that follow: nobody reads the fortieth. Critical ones are never among them. docs/alerts.md */
import type { Pending } from '../interactions/interaction.ts';
import { keptNow } from '../interactions/pending.ts';
import type { Look } from '../store/store.ts';
import { type Alert, type AlertSeen, type AlertSetting, alertKind } from './alert.ts';
import { ended, opened, raised } from './raise.ts';

export interface FloodCap {
  /** So many warnings of one patient are told within these minutes; what comes then stands under one. */
  readonly count: number;
  readonly minutes: number;
}

export const usualCap: FloodCap = { count: 10, minutes: 10 };

/** Kept beside the alarms. */
interface KeptFlood {
  /** When the newest warnings were told, in milliseconds. */
  readonly times: readonly number[];
  /** How many floods there were, and the alert of the newest. */
  readonly floods: number;
  readonly alert?: string;
}

const kind = 'alarm';
const keyFor = (patient: string): string => `flood|${patient}`;

export interface Told {
  readonly changes: Pending;
  /** What opened; that of the flood where this stands under it. */
  readonly alert: Pick<Alert, 'id' | 'issue'>;
  /** It stands under the alert of a flood and has none of its own. */
  readonly isCapped: boolean;
}

/** Opens an alert, or counts it to the flood that is under way. */
export async function openedUnderCap(
  seen: AlertSeen,
  cap: FloodCap,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Told> {
  const { patient, severity } = seen;
  if (patient === undefined || severity === 'critical') return { ...opened(seen, setting), isCapped: false };
  const key = keyFor(patient);
  const { value, expect } = await keptNow(kind, key, pending, look);
  const flood = (value as KeptFlood | undefined) ?? { times: [], floods: 0 };
  const times = flood.times.filter((time) => time > setting.now - cap.minutes * 60_000);
  const keep = (next: KeptFlood) => ({ op: 'put', kind, key, value: next, expect }) as const;
  const open = await openFlood(flood, pending, look);
  if (times.length < cap.count) {
    const over = open ? await ended(open.id, setting, pending, look) : [];
    const { alert, changes } = opened(seen, setting);
    return {
      alert,
      changes: [...changes, ...over, keep({ ...flood, times: [...times, setting.now] })],
      isCapped: false,
    };
  }
  // It goes on as long as warnings come: each one counts, told or not.
  const next = { ...flood, times: [...times.slice(1 - cap.count), setting.now] };
  if (open) {
    const evidence = seen.evidence?.[0];
    const more = evidence === undefined ? [] : await raised(open.id, { evidence }, setting, pending, look);
    return { alert: open, changes: [...more, keep(next)], isCapped: true };
  }
  const { alert, changes } = opened(
    {
      type: 'alert-flood',
      severity: 'warning',
      patient,
      evidence: seen.evidence,
      name: 'Many warnings at once',
      text: `More than ${cap.count} warnings within ${cap.minutes} minutes: those that follow stand under this one`,
      at: setting.now,
      episodeKey: `${key}|${flood.floods + 1}`,
    },
    setting,
  );
  return { alert, changes: [...changes, keep({ ...next, floods: flood.floods + 1, alert: alert.id })], isCapped: true };
}

async function openFlood({ alert: id }: KeptFlood, pending: Pending, look: Look): Promise<Alert | undefined> {
  if (id === undefined) return undefined;
  const alert = (await keptNow(alertKind, id, pending, look)).value as Alert | undefined;
  return alert?.open ? alert : undefined;
}

/** Whether the flood is over that an alarm stands under: then it is told of by itself. Ends its alert where that is still open. */
export async function floodOver(
  patient: string,
  cap: FloodCap,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<{ readonly isOver: boolean; readonly changes: Pending }> {
  const flood = (await keptNow(kind, keyFor(patient), pending, look)).value as KeptFlood | undefined;
  if (!flood) return { isOver: true, changes: [] };
  const times = flood.times.filter((time) => time > setting.now - cap.minutes * 60_000);
  if (times.length >= cap.count) return { isOver: false, changes: [] };
  const open = await openFlood(flood, pending, look);
  return { isOver: true, changes: open ? await ended(open.id, setting, pending, look) : [] };
}
