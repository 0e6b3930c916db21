/** Sends messages by MLLP, one at a time, each answered before the next. HL7 MLLP, release 1 */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createFrames, frame } from './frames.ts';

export interface MllpTarget {
  readonly host: string;
  readonly port: number;
  /** PEM: whom to believe, and what to show. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  /** Milliseconds to wait for an answer. */
  readonly patience?: number;
}

export interface MllpClient {
  /** The answer. Rejects where none comes, and when the connection ends: whether the message was stored is not known then. */
  send(message: string | Uint8Array): Promise<Buffer>;
  close(): void;
}

/** Resolves when connected. */
export function connectMllp({ host, port, tls, patience = 60_000 }: MllpTarget): Promise<MllpClient> {
  const frames = createFrames();
  const waiting: { resolve(answer: Buffer): void; reject(error: Error): void }[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let over: Error | undefined;

  const fail = (error: Error) => {
    over ??= error;
    for (const one of waiting.splice(0)) one.reject(over);
  };

  function sendOn(socket: Socket, message: string | Uint8Array): Promise<Buffer> {
    if (over) return Promise.reject(over);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error('no answer came')), patience);
      waiting.push({
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      socket.write(frame(message));
    });
  }

  return new Promise((resolve, reject) => {
    const socket: Socket = tls ? connectTls({ host, port, ...tls }) : connectPlain({ host, port });
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the connection ended')));
    socket.on('data', (chunk: Buffer) => {
      for (const framed of frames.push(chunk)) if (framed.is === 'message') waiting.shift()?.resolve(framed.bytes);
    });
    socket.once(tls ? 'secureConnect' : 'connect', () =>
      resolve({
        send(message) {
          const mine = last.then(() => sendOn(socket, message));
          last = mine.catch(() => undefined);
          return mine;
        },
        close: () => socket.end(),
      }),
    );
  });
}
