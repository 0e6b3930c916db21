/** Reads the window of one device's readings to its end, from where the last commit stood. docs/feeds.md */
import { asProblem } from '../../fhir/outcome.ts';
import type { Implant } from '../implants/told.ts';
import { type Asking, isMakers, pagesOf } from './asking.ts';
import { marksAfter } from './gaps.ts';
import type { Page } from './pages.ts';
import type { DeviceAsked, Progress } from './progress.ts';
import { reportsNamed } from './report-line.ts';
import type { KeptAside, Read } from './row.ts';
import type { CameIn } from './settle.ts';
import type { KeptDevice, Window } from './state.ts';
import { isAside } from './values.ts';

const HOUR = 3_600_000;
const mostAside = 200;
/** How often a window is begun anew in one poll because its cursor is no longer known. */
const mostRestarts = 3;

/** By kind that is expected regularly: the times of what came in this poll. */
export type Marks = Map<string, number[]>;

export async function readReadings(
  asking: Asking,
  device: DeviceAsked,
  implant: Implant,
  progress: Progress,
  marks: Marks,
): Promise<void> {
  const { document } = asking;
  const ids = { deviceId: device.row.id };
  let window = windowOf(asking, device, progress.state());
  for (let restarts = 0; ; restarts++) {
    try {
      for await (const came of pagesOf(asking, document.endpoints.readings, ids, window.from, window.cursor)) {
        const rows = rowsIn(asking, device, came.page, marks);
        const newest = Math.max(window.newest ?? 0, ...rows.reads.map(({ reading }) => reading.instant));
        window = { from: window.from, cursor: came.page.next, newest: newest || undefined };
        await takePage(asking, device, implant, progress, rows, came.cameIn, window, marks);
      }
      break;
    } catch (error) {
      // Where pages lead nowhere, going on behind the last one would too.
      if (isMakers(error) && asProblem(error).code === 'too-costly')
        progress.change((state) => ({ ...state, window: undefined }));
      const isForgotten = isMakers(error) && asProblem(error).code === 'deleted' && window.cursor !== undefined;
      if (!isForgotten || restarts >= mostRestarts) throw error;
      window = { from: window.from };
    }
  }
  const { newest = 0 } = window;
  progress.change((state) => ({
    ...withMarks(state, marks),
    window: undefined,
    watermark: Math.max(state.watermark ?? 0, newest) || undefined,
  }));
}

/** The one that was broken off goes on, unless this poll looks further back. */
function windowOf(asking: Asking, device: DeviceAsked, state: KeptDevice): Window {
  const from = beginning(asking, device, state);
  const { window } = state;
  return window && (window.from ?? 0) <= (from ?? 0) ? window : { from };
}

function beginning(
  { document, runtime }: Asking,
  { isDeep }: DeviceAsked,
  { watermark }: KeptDevice,
): number | undefined {
  if (watermark === undefined) return undefined;
  const usual = watermark - document.overlapHours * HOUR;
  return isDeep ? Math.min(usual, runtime.now() - document.recheck.lookBackHours * HOUR) : usual;
}

interface Rows {
  readonly reads: readonly Read[];
  readonly aside: readonly KeptAside[];
}

function rowsIn({ document, reader, runtime }: Asking, { row, other }: DeviceAsked, page: Page, marks: Marks): Rows {
  const { cadence = {} } = document;
  const reads: Read[] = [];
  const aside: KeptAside[] = [];
  const note = (kind: string, instant: number) => {
    if (!Object.hasOwn(cadence, kind)) return;
    const of = marks.get(kind);
    if (of) of.push(instant);
    else marks.set(kind, [instant]);
  };
  for (const one of page.rows) {
    const read = reader.reading(one, row.id, runtime.now());
    if (isAside(read)) {
      aside.push(read);
      // Something did come for that time; what lies ahead tells nothing about when.
      if (read.mark && read.code !== 'implausible') note(read.mark.kind, read.mark.instant);
      continue;
    }
    const { key, device, reading } = read;
    if (device === row.id || other(device) !== undefined) reads.push(read);
    else {
      const reason = `${document.reading.device} names a device that the maker does not list for this patient`;
      aside.push({ code: 'no-device', reason, key, device: row.id, row: one });
    }
    if (device === row.id || other(device) === undefined) note(reading.kind, reading.instant);
  }
  return { reads, aside };
}

async function takePage(
  asking: Asking,
  device: DeviceAsked,
  implant: Implant,
  progress: Progress,
  { reads, aside }: Rows,
  page: CameIn,
  window: Window,
  marks: Marks,
): Promise<void> {
  const { document, settle } = asking;
  const { row, held, other, patient } = device;
  const mine = reads.filter(({ device }) => device === row.id);
  const others = Map.groupBy(
    reads.filter(({ device }) => device !== row.id),
    ({ device }) => device,
  );
  for (const [id, told] of others) {
    const of = other(id)!;
    progress.count(
      await settle({ maker: document.name, ...of, reads: told, page, held, state: () => [], isQuiet: true }),
    );
  }
  const known = new Set(progress.state().aside);
  const repaired = mine.filter(({ key }) => known.has(key)).map(({ key }) => key);
  for (const key of repaired) known.delete(key);
  for (const { key } of aside) known.add(key);
  const next = (state: KeptDevice): KeptDevice => ({
    ...withMarks(state, marks),
    aside: [...known].slice(-mostAside),
    window,
  });
  const changes = await reportsNamed(asking, patient.id, mine);
  // In the middle of a window its cursor is kept with what was read; at the end the device's last step keeps it.
  const isKept = window.cursor !== undefined || changes.length > 0;
  await progress.take({ page, reads: mine, aside, repaired, next, changes, isKept }, implant);
  if (changes.length > 0) asking.reportNamed?.();
}

function withMarks(state: KeptDevice, marks: ReadonlyMap<string, readonly number[]>): KeptDevice {
  if (marks.size === 0) return state;
  const more = [...marks].map(([kind, instants]) => [kind, marksAfter(state.marks[kind], instants)] as const);
  return { ...state, marks: { ...state.marks, ...Object.fromEntries(more) } };
}
