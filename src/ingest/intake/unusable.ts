/** Whom what a feed puts aside is told to: one alert for each feed and device while it is open. docs/alerts.md */
import { deviceIn, qualityAlert, type Unusable } from '../../alerts/data-quality.ts';
import type { Entry } from '../../interactions/interaction.ts';
import type { Runtime } from '../../runtime.ts';
import type { Change, Store } from '../../store/store.ts';
import { asNew, put } from './entries.ts';
import { type Quarantined, quarantineKind } from './quarantine.ts';

/** What is to be written besides, for what these changes put aside; undefined where that is nothing. */
export type ToldOf = (
  also: readonly Change[],
) => Promise<{ readonly entries: readonly Entry[]; readonly also: readonly Change[] } | undefined>;

const codes: Readonly<Record<Quarantined['code'], Unusable['code']>> = {
  'no-patient': 'not-found',
  'no-device': 'not-found',
  unreadable: 'invalid',
  implausible: 'invalid',
  refused: 'invalid',
  unmapped: 'not-supported',
  conflict: 'conflict',
};

/** The first of each feed and device. */
function firstOf(also: readonly Change[]): readonly Unusable[] {
  const found = new Map<string, Unusable>();
  for (const change of also) {
    if (change.op !== 'put' || change.kind !== quarantineKind) continue;
    const { feed, code, reason, device: said, state } = change.value as Quarantined;
    if (state !== 'open') continue;
    // A device that is not there is no Device to point at.
    const device = code === 'no-device' ? undefined : deviceIn(said);
    const key = `${feed}|${device}`;
    if (!found.has(key)) found.set(key, { feed, ...(device !== undefined && { device }), code: codes[code], reason });
  }
  return [...found.values()];
}

export interface UnusableParts {
  readonly store: Pick<Store, 'get'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
}

export function createToldOf({ store, runtime, canonical }: UnusableParts): ToldOf {
  return async (also) => {
    const unusable = firstOf(also);
    if (unusable.length === 0) return undefined;
    const setting = { now: runtime.now(), canonical };
    const alerts = (await Promise.all(unusable.map((one) => qualityAlert(one, setting, store)))).filter(
      (alert) => alert !== undefined,
    );
    return {
      entries: alerts.flatMap(({ resources }) => resources.map((resource) => put(resource, asNew))),
      also: alerts.flatMap((alert) => alert.also),
    };
  };
}
