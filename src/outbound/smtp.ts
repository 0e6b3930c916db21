/** Hands one message of mail to a submission server. https://www.rfc-editor.org/rfc/rfc5321, https://www.rfc-editor.org/rfc/rfc3207, https://www.rfc-editor.org/rfc/rfc4954 */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Runtime } from '../runtime.ts';

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte, TLS by STARTTLS or not at all, or none: for a relay on the same machine. */
  readonly security: 'tls' | 'starttls' | 'none';
  readonly user?: string;
  readonly password?: string;
  /** PEM certificates to trust instead of the public authorities. */
  readonly trust?: string;
}

export interface Letter {
  readonly from: string;
  readonly to: string;
  /** Header and body with CRLF, as `mailText` of mail.ts makes it. */
  readonly text: string;
}

/** The server said no, or could not be reached. `code` is its reply, 0 where there was none. */
export class SmtpRefused extends Error {
  readonly code: number;
  /** Where in the exchange. */
  readonly at: string;
  constructor(at: string, code: number) {
    super(
      code === 0
        ? `the mail server could not be reached, or broke off (${at})`
        : `the mail server answered ${code} to ${at}`,
    );
    this.at = at;
    this.code = code;
  }
}

/** Milliseconds for the whole exchange. */
const LIMIT = 30_000;
const LONGEST_REPLY = 65_536;

/** `smtp://`, `smtps://` or `smtp-plain://` with user and password where they are needed. Throws a sentence. */
export function readSmtpUrl(text: string): SmtpServer {
  const [, scheme, user, password, host, port] =
    /^(smtp|smtps|smtp-plain):\/\/(?:([^:@/]+):([^@/]+)@)?([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?\/?$/.exec(
      text,
    ) ?? [];
  if (host === undefined)
    throw new Error('must be smtp://user:password@host:port, or smtps://, or smtp-plain:// for one without TLS');
  const security = scheme === 'smtps' ? 'tls' : scheme === 'smtp' ? 'starttls' : 'none';
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port ?? (security === 'tls' ? 465 : 587)),
    security,
    ...(user !== undefined && { user: decodeURIComponent(user), password: decodeURIComponent(password!) }),
  };
}

interface Reply {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Resolves when the server has taken the message; throws SmtpRefused. */
export async function sendLetter(
  server: SmtpServer,
  letter: Letter,
  runtime: Pick<Runtime, 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  let line = await opened(server, over.signal, signal);
  void runtime.sleep(LIMIT, over.signal).then(() => {
    if (!over.signal.aborted) line.destroy();
  });
  try {
    await line.expect('the greeting', 220);
    let offers = await hello(line);
    if (server.security === 'starttls') {
      if (!offers.has('STARTTLS')) throw new SmtpRefused('STARTTLS', 502);
      await line.say('STARTTLS', 'STARTTLS', 220);
      line = await line.secured(server);
      offers = await hello(line);
    }
    if (server.user !== undefined) await authenticate(line, offers, server.user, server.password ?? '');
    await line.say('MAIL FROM', `MAIL FROM:<${letter.from}>`, 250);
    await line.say('RCPT TO', `RCPT TO:<${letter.to}>`, 250, 251);
    await line.say('DATA', 'DATA', 354);
    const dotted = letter.text.replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..');
    await line.say('the message', `${dotted}\r\n.`, 250);
    line.quit();
  } finally {
    over.abort();
    line.destroy();
  }
}

async function hello(line: Line): Promise<ReadonlySet<string>> {
  const { lines } = await line.say('EHLO', 'EHLO watchfire', 250);
  return new Set(lines.slice(1).map((one) => one.toUpperCase()));
}

async function authenticate(line: Line, offers: ReadonlySet<string>, user: string, password: string): Promise<void> {
  const ways = new Set([...offers].find((one) => one.startsWith('AUTH '))?.split(' ') ?? []);
  const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');
  if (ways.has('PLAIN')) {
    await line.say('AUTH', `AUTH PLAIN ${base64(`\0${user}\0${password}`)}`, 235);
  } else if (ways.has('LOGIN')) {
    await line.say('AUTH', 'AUTH LOGIN', 334);
    await line.say('AUTH', base64(user), 334);
    await line.say('AUTH', base64(password), 235);
  } else throw new SmtpRefused('AUTH', 504);
}

interface Line {
  /** Sends a line and waits for one of these replies. */
  say(at: string, text: string, ...codes: readonly number[]): Promise<Reply>;
  expect(at: string, ...codes: readonly number[]): Promise<Reply>;
  /** The same connection over TLS. */
  secured(server: SmtpServer): Promise<Line>;
  quit(): void;
  destroy(): void;
}

async function opened(server: SmtpServer, over: AbortSignal, signal: AbortSignal): Promise<Line> {
  const { host, port, security, trust } = server;
  const socket =
    security === 'tls' ? connectTls({ host, port, servername: host, ca: trust }) : connectPlain({ host, port });
  const stop = () => socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  over.addEventListener('abort', () => signal.removeEventListener('abort', stop), { once: true });
  await connected(socket, security === 'tls' ? 'secureConnect' : 'connect');
  return lineOf(socket);
}

const connected = (socket: Socket, event: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = socket.setTimeout(LIMIT, () => socket.destroy());
    const failed = () => reject(new SmtpRefused('the connection', 0));
    socket.once('error', failed).once('close', failed);
    timer.once(event, () => {
      socket.off('error', failed).off('close', failed);
      resolve();
    });
  });

function lineOf(socket: Socket): Line {
  let text = '';
  let isOver = false;
  let wake = (): void => undefined;
  const heard = (bytes: Buffer) => {
    text += bytes.toString('latin1');
    if (text.length > LONGEST_REPLY) socket.destroy();
    wake();
  };
  const ended = () => {
    isOver = true;
    wake();
  };
  socket.on('data', heard).on('error', ended).on('close', ended);

  /** A reply has as many lines as begin with its code and a hyphen, and one that does not. */
  function taken(): Reply | undefined {
    const whole = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(text)?.[0];
    if (whole === undefined) return undefined;
    text = text.slice(whole.length);
    const lines = whole.trimEnd().split(/\r?\n/);
    return { code: Number(lines.at(-1)!.slice(0, 3)), lines: lines.map((one) => one.slice(4)) };
  }

  async function expect(at: string, ...codes: readonly number[]): Promise<Reply> {
    for (;;) {
      const reply = taken();
      if (reply && codes.includes(reply.code)) return reply;
      if (reply) throw new SmtpRefused(at, reply.code);
      if (isOver) throw new SmtpRefused(at, 0);
      await new Promise<void>((go) => (wake = go));
    }
  }

  return {
    expect,
    async say(at, words, ...codes) {
      socket.write(`${words}\r\n`);
      return expect(at, ...codes);
    },
    async secured({ host, trust }) {
      // What came before TLS began was said by whoever stands between.
      if (text !== '') throw new SmtpRefused('STARTTLS', 0);
      socket.off('data', heard).off('error', ended).off('close', ended);
      const secure = connectTls({ socket, servername: host, ca: trust });
      await connected(secure, 'secureConnect');
      return lineOf(secure);
    },
    quit: () => void socket.write('QUIT\r\n'),
    destroy: () => void socket.destroy(),
  };
}
