/** Works the timers of alerts under a lease: in the order in which they are due, also those that are overdue after a rest. docs/escalation.md#timers */
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import type { Held } from '../../store/lease.ts';
import { isConflict, type Store } from '../../store/store.ts';
import type { Bell } from '../bell.ts';
import { processKinds, readTimer } from './kept.ts';

const atATime = 100;
/** Alerts that are worked at the same time. */
const abreast = 8;
/** Milliseconds after which a step is tried again that failed. */
const pauseAfterFault = 1_000;
/** The same where somebody else wrote meanwhile: another server may have the lease by now. */
const pauseAfterConflict = 50;

export interface TimerParts {
  readonly store: Pick<Store, 'list'>;
  readonly runtime: Pick<Runtime, 'now' | 'sleep'>;
  readonly log: Pick<Log, 'error'>;
  /** Milliseconds between two looks for what other servers wrote, and for clocks that were set. */
  readonly lookEvery?: number;
  readonly step: (timer: string, alert: string, held: Held) => Promise<void>;
  readonly bell: Bell;
}

/** Until the lease is lost. */
export async function workTimers(parts: TimerParts, held: Held): Promise<void> {
  const { store, runtime, log, lookEvery = 1_000, step, bell } = parts;
  /** When a step that failed is tried again, by alert: it holds up nobody else. */
  const failed = new Map<string, number>();
  while (!held.signal.aborted) {
    const rung = bell.next();
    const now = runtime.now();
    const due: { readonly key: string; readonly alert: string }[] = [];
    let nextAt = Number.POSITIVE_INFINITY;
    let isMore = true;
    for (let from = ''; isMore && due.length < atATime; ) {
      const rows = await store.list(processKinds.timer, from, atATime);
      isMore = rows.length === atATime;
      for (const { key } of rows) {
        const { at, alert } = readTimer(key);
        const ready = Math.max(at, failed.get(alert) ?? 0);
        if (ready <= now) due.push({ key, alert });
        else nextAt = Math.min(nextAt, ready);
        if (at > now) isMore = false;
      }
      from = `${rows.at(-1)?.key}\u0000`;
    }
    const waiting = due.values();
    await Promise.all(
      Array.from({ length: Math.min(abreast, due.length) }, async () => {
        for (const { key, alert } of waiting) {
          if (held.signal.aborted) return;
          try {
            await step(key, alert, held);
            failed.delete(alert);
          } catch (error) {
            if (held.signal.aborted) return;
            // Somebody acknowledged it in this moment: the next look sees that.
            const isOvertaken = isConflict(error) || (error as { status?: number }).status === 412;
            failed.set(alert, runtime.now() + (isOvertaken ? pauseAfterConflict : pauseAfterFault));
            if (isOvertaken) continue;
            log.error('a step of an alert could not be taken', error, { id: alert });
          }
        }
      }),
    );
    if (due.length > 0) continue;
    const wait = Math.min(lookEvery, nextAt - runtime.now());
    if (wait > 0) await runtime.sleep(wait, AbortSignal.any([held.signal, rung]));
  }
}
