/** One MLLP connection: messages one after another, each answered before the next is looked at. HL7 MLLP, release 1 */
import type { Socket } from 'node:net';
import type { Runtime } from '../../../runtime.ts';
import { createFrames, type Framed, type FramingFault, frame } from './frames.ts';
import type { Permits } from './permits.ts';

export interface ConnectionRoom {
  /** The answer without its frame; undefined where there is none. */
  readonly receive: (bytes: Buffer, address: string) => Promise<string | undefined>;
  /** What is answered to a message that got lost on the wire; `head` is how it began. */
  readonly refuse: (fault: FramingFault, head: Buffer) => string;
  readonly onFault: (fault: FramingFault) => void;
  readonly onDropped: (bytes: number) => void;
  /** How many bytes wait here more than before. */
  readonly onWaiting: (bytes: number) => void;
  /** For messages above `SMALL`. */
  readonly permits: Permits;
  readonly runtime: Runtime;
  /** Nothing more is taken once it aborts. */
  readonly signal: AbortSignal;
  readonly limits?: Partial<typeof limits>;
}

export const limits = {
  /** Nothing came or went for so long: milliseconds. */
  idle: 5 * 60_000,
  /** The same in the middle of a large message, for which others wait. */
  stalled: 30_000,
  /** A message has to be whole within. */
  frame: 10 * 60_000,
  /** The last byte of a frame is not waited for longer. */
  ending: 500,
  /** Faults in a row, after which the sender had better begin anew. */
  faults: 3,
};

/** Bytes that each connection may have waiting without asking. */
export const SMALL = 256 * 1024;

/** Resolves when the connection is closed. Never rejects. */
export function serveConnection(socket: Socket, room: ConnectionRoom): Promise<void> {
  const { receive, refuse, onFault, onDropped, onWaiting, permits, runtime, signal } = room;
  const { idle, stalled, frame: whole, ending, faults: most } = { ...limits, ...room.limits };
  const frames = createFrames();
  const address = socket.remoteAddress ?? '';
  const queue: Framed[] = [];
  const closed = new AbortController();
  let isBusy = false;
  let isHandling = false;
  let inRow = 0;
  let began: number | undefined;
  let giveBack: (() => void) | undefined;
  let told = { dropped: 0, waiting: 0 };

  function tell(): void {
    const waiting = closed.signal.aborted
      ? 0
      : frames.waiting() + queue.reduce((sum, one) => sum + (one.is === 'message' ? one.bytes.length : 0), 0);
    const dropped = frames.dropped();
    if (dropped !== told.dropped) onDropped(dropped - told.dropped);
    if (waiting !== told.waiting) onWaiting(waiting - told.waiting);
    told = { dropped, waiting };
  }

  async function send(text: string | undefined): Promise<void> {
    if (text === undefined || !socket.writable) return;
    if (socket.write(frame(text))) return;
    // Who does not read its answers sends nothing more.
    await new Promise<void>((resolve) => {
      socket.once('drain', resolve);
      closed.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async function handle(one: Framed): Promise<void> {
    if (one.is === 'message') {
      inRow = 0;
      isHandling = true;
      const answer = await receive(one.bytes, address);
      isHandling = false;
      await send(answer);
      return;
    }
    onFault(one.fault);
    inRow++;
    // Of what never began as a message nobody waits for an answer.
    if (one.fault !== 'no start') await send(refuse(one.fault, one.head));
    if (inRow >= most) socket.end();
  }

  async function work(): Promise<void> {
    isBusy = true;
    // The sender is stopped by TCP meanwhile: what waits here is one chunk at most, and the message under way.
    socket.pause();
    while (queue.length > 0 && !closed.signal.aborted && !signal.aborted && socket.writable) {
      await handle(queue.shift()!);
      tell();
    }
    if (frames.waiting() <= SMALL) release();
    else if (giveBack === undefined) giveBack = await permits.take(AbortSignal.any([closed.signal, signal]));
    isBusy = false;
    tell();
    if (signal.aborted) socket.end();
    else if (!closed.signal.aborted && socket.writable) {
      socket.setTimeout(giveBack ? stalled : idle);
      socket.resume();
    }
  }

  function release(): void {
    giveBack?.();
    giveBack = undefined;
  }

  function take(framed: readonly Framed[]): void {
    queue.push(...framed);
    tell();
    const isLarge = frames.waiting() > SMALL && giveBack === undefined;
    // What nobody foresaw ends this connection alone; its sender has no answer, and sends again.
    if (!isBusy && (queue.length > 0 || isLarge)) work().catch(() => socket.destroy());
  }

  socket.setNoDelay(true);
  socket.setTimeout(idle);
  // Also while an answer is not read: only what is under way in here is waited for.
  socket.on('timeout', () => {
    if (!isHandling) socket.destroy();
  });
  socket.on('data', (chunk: Buffer) => {
    take(frames.push(chunk));
    began = frames.waiting() === 0 ? undefined : (began ?? runtime.now());
    if (began !== undefined && runtime.now() - began > whole) socket.destroy();
    if (frames.isEnding()) {
      void runtime.sleep(ending, closed.signal).then(() => take(frames.isEnding() ? frames.settle() : []));
    }
  });
  // A sender that is gone, or no TLS after all: nothing is lost that it was told of.
  socket.on('error', () => socket.destroy());
  socket.on('end', () => {
    take(frames.settle());
    if (!isBusy) socket.end();
  });
  const onStop = () => {
    if (!isBusy) socket.end();
  };
  signal.addEventListener('abort', onStop, { once: true });
  return new Promise((resolve) => {
    socket.once('close', () => {
      closed.abort();
      signal.removeEventListener('abort', onStop);
      release();
      queue.length = 0;
      tell();
      resolve();
    });
  });
}
