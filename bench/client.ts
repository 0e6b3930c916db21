/** A keep-alive HTTP/1.1 client for measuring: one request in flight per connection, as little work per answer as Node allows. RFC 9112. */
import { connect, type Socket } from 'node:net';

export interface Request {
  readonly method: string;
  readonly path: string;
  /** Header lines, each with its line end; Host and Content-Length are added here. */
  readonly headers: string;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** Status line and header lines as they came. */
  readonly head: string;
  readonly body: string;
}

export interface Connection {
  /** Rejects when the connection breaks before the answer is complete; the next call opens a new one. */
  send(request: Request): Promise<Answer>;
  close(): void;
}

const NOTHING = Buffer.alloc(0);
const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length:[ \t]*(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding:[ \t]*chunked/i;
const CLOSING = /\r\nconnection:[ \t]*close/i;

/** The value of a header, or undefined. `name` in any case. */
export function headerOf(answer: Answer, name: string): string | undefined {
  const wanted = `${name.toLowerCase()}:`;
  for (const line of answer.head.split('\r\n')) {
    if (line.toLowerCase().startsWith(wanted)) return line.slice(wanted.length).trim();
  }
  return undefined;
}

/** The first complete answer at the start of `bytes` and where it ends; undefined while some of it is missing. */
export function readAnswer(bytes: Buffer): { readonly answer: Answer; readonly end: number } | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + 4;
  if (status < 200) {
    const next = readAnswer(bytes.subarray(start));
    return next && { answer: next.answer, end: start + next.end };
  }
  const length = LENGTH.exec(head);
  if (length) {
    const end = start + Number(length[1]);
    return bytes.length < end ? undefined : { answer: { status, head, body: bytes.toString('utf8', start, end) }, end };
  }
  if (!CHUNKED.test(head)) return { answer: { status, head, body: '' }, end: start };
  const body = readChunks(bytes, start);
  return body && { answer: { status, head, body: body.text }, end: body.end };
}

function readChunks(bytes: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + 2;
    if (bytes.length < from + size + 2) return undefined;
    at = from + size + 2;
    if (size === 0) return { text: Buffer.concat(parts).toString(), end: at };
    parts.push(bytes.subarray(from, from + size));
  }
}

export function openConnection(base: string): Connection {
  const url = new URL(base);
  let socket: Socket | undefined;
  let received: Buffer = NOTHING;
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  function broken(error: Error): void {
    const asked = waiting;
    waiting = undefined;
    socket = undefined;
    received = NOTHING;
    asked?.reject(error);
  }

  function arrived(chunk: Buffer): void {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const read = readAnswer(received);
    if (!read) return;
    received = read.end === received.length ? NOTHING : received.subarray(read.end);
    const asked = waiting;
    waiting = undefined;
    if (CLOSING.test(read.answer.head)) {
      socket?.removeAllListeners('close').destroy();
      socket = undefined;
    }
    asked?.resolve(read.answer);
  }

  function open(): Socket {
    const opened = connect({ host: url.hostname, port: Number(url.port || 80), noDelay: true });
    opened.on('data', arrived);
    opened.on('error', broken);
    opened.on('close', () => broken(new Error('connection closed')));
    opened.setTimeout(60_000, () => opened.destroy(new Error('no answer within 60 s')));
    return opened;
  }

  return {
    send: ({ method, path, headers, body }) =>
      new Promise((resolve, reject) => {
        socket ??= open();
        waiting = { resolve, reject };
        const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
        socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${url.host}\r\n${headers}${length}\r\n${body ?? ''}`);
      }),
    close() {
      socket?.removeAllListeners('close').destroy();
      socket = undefined;
    },
  };
}
