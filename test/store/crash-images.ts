/**
 * What may be on a disk after its power failed, from a trace of what a process wrote and synced (strace -f -xx): what was
 * synced is there; what was not may be lost, there in part, or torn at a sector.
 */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import type { Dice } from './random-queries.ts';

export type Event =
  | { readonly is: 'write'; readonly file: string; readonly at: number; readonly data: Buffer }
  | { readonly is: 'truncate'; readonly file: string; readonly size: number }
  /** Completed; covers what was written before `since`, the number of events when it began. */
  | { readonly is: 'sync'; readonly file: string; readonly since: number }
  | { readonly is: 'acknowledge'; readonly list: number };

const SECTOR = 512;

/** The events of a trace of system calls, made with `straceArguments`. Files are named by their last part. */
export async function eventsOf(trace: string, acknowledged: string): Promise<Event[]> {
  const events: Event[] = [];
  const begun = new Map<string, { call: string; since: number }>();
  for await (const line of createInterface({ input: createReadStream(trace) })) {
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || rest === undefined) continue;
    const resumed = /^<\.\.\. \w+ resumed>.*= (-?\d+)/.exec(rest);
    if (resumed) {
      const start = begun.get(thread);
      begun.delete(thread);
      if (start && Number(resumed[1]) >= 0) complete(start.call, start.since);
      continue;
    }
    begin(rest);
    if (rest.endsWith('<unfinished ...>')) begun.set(thread, { call: rest, since: events.length });
    else if (/= \d+$/.test(rest)) complete(rest, events.length);
  }
  return events;

  /** A write counts from its beginning on. */
  function begin(call: string): void {
    const write = /^(pwrite64|write)\(\d+<([^>]*)>, "((?:\\x[0-9a-f]{2})*)", \d+(?:, (\d+))?/.exec(call);
    if (write) {
      const file = nameOf(write[2]!);
      const data = Buffer.from(write[3]!.replaceAll('\\x', ''), 'hex');
      if (file === acknowledged)
        for (const list of data.toString().trim().split('\n')) events.push({ is: 'acknowledge', list: Number(list) });
      else if (write[1] === 'pwrite64') events.push({ is: 'write', file, at: Number(write[4]), data });
    }
    const truncate = /^ftruncate\(\d+<([^>]*)>, (\d+)/.exec(call);
    if (truncate) events.push({ is: 'truncate', file: nameOf(truncate[1]!), size: Number(truncate[2]) });
  }

  function complete(call: string, since: number): void {
    const sync = /^f(?:data)?sync\(\d+<([^>]*)>/.exec(call);
    if (sync) events.push({ is: 'sync', file: nameOf(sync[1]!), since });
  }
}

/** With -xx strace writes the paths of descriptors in the same way as buffers. */
const nameOf = (path: string): string =>
  basename(path.includes('\\x') ? Buffer.from(path.replaceAll('\\x', ''), 'hex').toString() : path);

export const straceArguments = (trace: string): string[] => [
  '-f',
  '-y',
  '-xx',
  '-s',
  '1000000',
  '-e',
  'trace=pwrite64,write,fsync,fdatasync,ftruncate',
  '-o',
  trace,
];

type Change = Extract<Event, { is: 'write' | 'truncate' }>;

/** The bytes of a file, in a buffer that grows ahead of them. */
class Content {
  #bytes: Buffer;
  #size: number;

  constructor(bytes: Buffer = Buffer.alloc(0), size = bytes.length) {
    this.#bytes = bytes;
    this.#size = size;
  }

  apply(change: Change): void {
    const end = change.is === 'truncate' ? change.size : change.at + change.data.length;
    if (end > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * end);
    if (change.is === 'write') change.data.copy(this.#bytes, change.at);
    else if (end < this.#size) this.#bytes.fill(0, end, this.#size);
    this.#size = change.is === 'truncate' ? end : Math.max(this.#size, end);
  }

  copy(): Content {
    return new Content(Buffer.from(this.#bytes.subarray(0, this.#size)), this.#size);
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }
}

interface Pending {
  readonly number: number;
  readonly change: Change;
}

/** A disk that events happen to, and that can lose its power at any time without harm to itself. */
export class Disk {
  readonly #synced = new Map<string, Content>();
  readonly #pending = new Map<string, Pending[]>();
  readonly acknowledged = new Set<number>();

  apply(event: Event, number: number): void {
    if (event.is === 'acknowledge') this.acknowledged.add(event.list);
    else if (event.is === 'sync') this.#sync(event.file, event.since);
    else {
      if (!this.#pending.has(event.file)) this.#pending.set(event.file, []);
      if (!this.#synced.has(event.file)) this.#synced.set(event.file, new Content());
      this.#pending.get(event.file)!.push({ number, change: event });
    }
  }

  #sync(file: string, since: number): void {
    const pending = this.#pending.get(file) ?? [];
    for (const { number, change } of pending) if (number < since) this.#synced.get(file)!.apply(change);
    this.#pending.set(
      file,
      pending.filter(({ number }) => number >= since),
    );
  }

  /** What may be found of some files after the power comes back: one of the many possibilities. */
  image(files: readonly string[], roll: Dice): Map<string, Buffer> {
    const way = roll.below(4);
    const image = new Map<string, Buffer>();
    for (const file of files) {
      const content = this.#synced.get(file)?.copy() ?? new Content();
      const pending = this.#pending.get(file) ?? [];
      const kept = roll.below(pending.length + 1);
      pending.forEach(({ change }, i) => {
        const survives = way === 0 ? false : way === 1 ? i < kept : roll.chance(0.5);
        if (survives) content.apply(way === 3 && change.is === 'write' ? torn(change, roll) : change);
      });
      image.set(file, content.bytes());
    }
    return image;
  }
}

/** A write of which only some sectors arrived, in one piece. */
function torn(write: Extract<Event, { is: 'write' }>, roll: Dice): Extract<Event, { is: 'write' }> {
  const sectors = Math.ceil(write.data.length / SECTOR);
  const from = roll.below(sectors);
  const to = from + 1 + roll.below(sectors - from);
  return { ...write, at: write.at + from * SECTOR, data: write.data.subarray(from * SECTOR, to * SECTOR) };
}
