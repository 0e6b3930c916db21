/** Reports of transmissions that are still to be fetched: put in line in the commit of the readings that name them, tried until they are there. docs/feeds.md */
import type { Change, Store } from '../../store/store.ts';
import type { Asking } from './asking.ts';
import type { Read } from './row.ts';
import { feedKinds, type KeptReport, keptOf, keyIn } from './state.ts';

const MINUTE = 60_000;
/** After the first, second ... try; every six hours afterwards. */
const waits: readonly number[] = [1, 5, 15, 60, 180].map((minutes) => minutes * MINUTE);
const seldom = 360 * MINUTE;
/** Windows overlap by days; a report that were named later would be fetched again, and found to be there. */
const remembered = 30 * 86_400;

export const reportKey = (maker: string, { device, transmission }: Pick<KeptReport, 'device' | 'transmission'>) =>
  keyIn(maker, `${device}/${transmission}`);

export const waitAfter = (attempts: number): number => waits[attempts - 1] ?? seldom;

export const inLine = (
  maker: string,
  of: Pick<KeptReport, 'patient' | 'device' | 'transmission' | 'timestamp' | 'instant'>,
  now: number,
): Change => ({
  op: 'put',
  kind: feedKinds.report,
  key: reportKey(maker, of),
  value: { ...of, asked: now, attempts: 0, unreadable: 0, next: now } satisfies KeptReport,
});

/** What is kept of the reports that these readings are the first to name. */
export async function reportsNamed(
  { document, store, runtime }: Pick<Asking, 'document' | 'store' | 'runtime'>,
  patient: string,
  reads: readonly Read[],
): Promise<readonly Change[]> {
  if (!document.endpoints.report) return [];
  const newest = new Map<string, Parameters<typeof inLine>[1]>();
  for (const { device, transmission, reading } of reads) {
    if (transmission === undefined) continue;
    const { timestamp, instant } = reading;
    const key = reportKey(document.name, { device, transmission });
    if (!((newest.get(key)?.instant ?? -1) >= instant))
      newest.set(key, { patient, device, transmission, timestamp, instant });
  }
  if (newest.size === 0) return [];
  const known = await store.get(feedKinds.reportNamed, [...newest.keys()]);
  return [...newest].flatMap(([key, of], i): readonly Change[] =>
    known[i]
      ? []
      : [
          inLine(document.name, of, runtime.now()),
          { op: 'put', kind: feedKinds.reportNamed, key, value: {}, expiresIn: remembered },
        ],
  );
}

/** How many of a maker's are not here yet. */
export async function reportsWaiting(store: Pick<Store, 'list'>, maker: string): Promise<number> {
  let count = 0;
  for await (const _ of keptOf(store, feedKinds.report, maker)) count++;
  return count;
}
