/** Asks a maker for what is new of one device and takes it in: killed anywhere, it goes on where the last commit stood. docs/feeds.md */
import { asProblem } from '../../fhir/outcome.ts';
import type { AlertTold, Implant } from '../implants/told.ts';
import { type Asking, askPage, isMakers, pagesOf } from './asking.ts';
import type { Counts } from './feeds.ts';
import { gapsAfter, marksOf } from './gaps.ts';
import { type DeviceAsked, openProgress, type Progress } from './progress.ts';
import { type Marks, readReadings } from './readings.ts';
import type { DeviceState, KeptAside } from './row.ts';
import type { KeptGap } from './state.ts';

const HOUR = 3_600_000;
const mostOpen = 100;

export interface DevicePolled {
  readonly counts: Counts;
  /** How many intervals are missing now, and how many were before. */
  readonly gaps: number;
  readonly gapsBefore: number;
  readonly isNew: boolean;
  /** What the maker did not answer, in a sentence. */
  readonly error?: string;
}

/** Resolves also where the maker failed: that is counted and kept. Throws where the store did, or the lease is lost. */
export async function pollDevice(asking: Asking, device: DeviceAsked): Promise<DevicePolled> {
  const { document, reader } = asking;
  const { row, page } = device;
  const { status, alerts } = document.endpoints;
  const progress = await openProgress(asking, device);
  let failure: string | undefined;
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!isMakers(error)) throw error;
      failure ??= asProblem(error).message;
    }
  };

  let said: DeviceState = {};
  if (status)
    await attempt(async () => {
      said = reader.status((await askPage(asking, status, { deviceId: row.id })).page.body);
    });
  const implant: Implant = {
    ...row.implant,
    ...(said.status && said.status !== 'unknown' && { status: said.status }),
    ...(said.lastContact && { lastContact: said.lastContact }),
  };
  await progress.take({ page, connectivity: said.connectivity }, implant);
  if (alerts) await attempt(() => readAlerts(asking, device, implant, progress));
  const marksBefore = progress.state().marks;
  const came: Marks = new Map();
  await attempt(() => readReadings(asking, device, implant, progress, came));
  // A long window is judged whole, though only its end is kept.
  const marks = (kind: string) => marksOf(marksBefore[kind], came.get(kind) ?? []);
  const gapsBefore = progress.state().gaps.length;
  await finish(asking, device, implant, progress, marks, failure);
  return {
    counts: progress.counts(),
    gaps: progress.state().gaps.length,
    gapsBefore,
    isNew: progress.before === undefined,
    ...(failure === undefined ? {} : { error: failure }),
  };
}

async function readAlerts(
  asking: Asking,
  { row, isDeep }: DeviceAsked,
  implant: Implant,
  progress: Progress,
): Promise<void> {
  const { document, reader, runtime } = asking;
  const { open: before, lastSuccess } = progress.state();
  // To a maker an acknowledgement is not always news: as long as one is open, they are looked at in full.
  const isWhole = isDeep || before.length > 0 || lastSuccess === undefined;
  const from = isWhole ? undefined : lastSuccess - document.overlapHours * HOUR;
  const open = new Set<string>();
  for await (const { page, cameIn } of pagesOf(asking, document.endpoints.alerts!, { deviceId: row.id }, from)) {
    const alerts: AlertTold[] = [];
    const aside: KeptAside[] = [];
    for (const one of page.rows) {
      const read = reader.alert(one, row.id, runtime.now());
      if ('alert' in read) alerts.push(read.alert);
      else aside.push(read);
    }
    for (const { id, acknowledged } of alerts) {
      if (acknowledged) open.delete(id);
      else open.add(id);
    }
    await progress.take({ page: cameIn, alerts, aside }, implant);
  }
  progress.change((state) => ({ ...state, open: [...open].slice(-mostOpen) }));
}

/** Keeps what became of it. Intervals that are missing now, or no longer, are told as alerts of our own. */
async function finish(
  { document, runtime }: Asking,
  { row }: DeviceAsked,
  implant: Implant,
  progress: Progress,
  marks: (kind: string) => readonly number[],
  failure: string | undefined,
): Promise<void> {
  const before = progress.state();
  let { gaps } = before;
  for (const [kind, cadence] of Object.entries(document.cadence ?? {}))
    gaps = gapsAfter(gaps, kind, marks(kind), cadence);
  const found = gaps.filter((gap) => !isAmong(before.gaps, gap)).map((gap) => toldGap(row.id, gap, false));
  const filled = before.gaps.filter((gap) => !isAmong(gaps, gap)).map((gap) => toldGap(row.id, gap, true));
  const ended = failure === undefined ? { lastSuccess: runtime.now(), lastError: undefined } : { lastError: failure };
  await progress.take(
    {
      alerts: [...found, ...filled],
      next: (state) => ({ ...state, gaps, ...ended }),
      also: failure === undefined ? { success: 1 } : { failure: 1 },
      isKept: true,
    },
    implant,
  );
}

const isAmong = (gaps: readonly KeptGap[], { kind, from, to }: KeptGap): boolean =>
  gaps.some((one) => one.kind === kind && one.from === from && one.to === to);

function toldGap(device: string, { kind, from, to }: KeptGap, isFilled: boolean): AlertTold {
  const [first, last] = [new Date(from).toISOString(), new Date(to).toISOString()];
  return {
    id: `missing|${device}|${kind}|${first}`,
    code: 'MISSING_DATA',
    severity: 'info',
    message: `No ${kind.replaceAll('_', ' ')} came between ${first} and ${last}`,
    at: last,
    acknowledged: isFilled,
    kind: 'missing-data',
  };
}
