/** What is kept of the process of one alert, and the timer that it waits for. Both change in one commit with what they lead to. docs/escalation.md#what-is-kept */
import type { Change } from '../../store/store.ts';
import type { Alert } from '../alert.ts';
import { detected, type Event, type Standing } from './stages.ts';

/** Something that others did, and that the process has not answered yet. */
export interface Heard {
  readonly is: Exclude<Event, 'due'>;
  readonly at: number;
  /** The Communication that holds an answer. */
  readonly by?: string;
}

export interface Process extends Standing {
  readonly alert: Pick<Alert, 'id' | 'flag' | 'issue' | 'task' | 'type' | 'severity' | 'patient' | 'wearer' | 'device'>;
  readonly heard: readonly Heard[];
  /** Steps so far: the ids of what they write are made of it. */
  readonly steps: number;
  /** Ids of the CommunicationRequests that are open: the first one is that of the stage. */
  readonly requests: readonly string[];
  /** Who has been told. */
  readonly told: readonly string[];
  /** Key of the timer. */
  readonly timer?: string;
}

export const processKinds = {
  /** By alert: {@link Process}. */
  process: 'alert-process',
  /** `<when, ISO 8601>|<alert>`: what is due next comes first. */
  timer: 'alert-timer',
} as const;

const timerKey = (at: number, alert: string): string => `${new Date(at).toISOString()}|${alert}`;

export function readTimer(key: string): { readonly at: number; readonly alert: string } {
  const bar = key.indexOf('|');
  return { at: Date.parse(key.slice(0, bar)), alert: key.slice(bar + 1) };
}

/** When it wants to be looked at: at once where something was heard, else at its deadline. */
const wanted = ({ heard, due }: Process): number | undefined => (heard.length > 0 ? heard[0]!.at : due);

/** The changes that keep the process and set its timer. `expect` as it was read. */
export function keepProcess(next: Process, expect: number | 'absent' | undefined): readonly Change[] {
  const { alert, timer: before } = next;
  const at = wanted(next);
  const timer = at === undefined ? undefined : timerKey(at, alert.id);
  const kept: Change = {
    op: 'put',
    kind: processKinds.process,
    key: alert.id,
    value: { ...next, timer } satisfies Process,
    expect,
  };
  if (timer === before) return [kept];
  return [
    kept,
    ...(before === undefined ? [] : [{ op: 'drop', kind: processKinds.timer, key: before } as const]),
    ...(timer === undefined ? [] : [{ op: 'put', kind: processKinds.timer, key: timer, value: {} } as const]),
  ];
}

/** An alert that nobody has seen yet. */
export function newProcess(alert: Alert, now: number): Process {
  const { id, flag, issue, task, type, severity, patient, wearer, device } = alert;
  return {
    ...detected(now),
    alert: {
      id,
      ...(flag !== undefined && { flag }),
      issue,
      task,
      type,
      severity,
      ...(patient !== undefined && { patient }),
      ...(wearer !== undefined && { wearer }),
      ...(device !== undefined && { device }),
    },
    heard: [],
    steps: 0,
    requests: [],
    told: [],
  };
}
