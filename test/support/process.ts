/** The program `watchfire` as a process of its own: a server that can be killed, and commands with their exit codes. Children die with whoever started them. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../bin/watchfire.mjs', import.meta.url));

/** Compiled code of the program, so that the hundredth start takes half of the first. */
const compiled = join(tmpdir(), 'watchfire-test-compiled');

/** Runs in the child, though not in its worker threads: a parent that is gone, by whatever death, closes this pipe. */
const leash = `
import { isMainThread } from 'node:worker_threads';
if (isMainThread) process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume().unref();`;

export interface Exit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Parsed; undefined where there is none or it is no JSON. */
  readonly body: any;
}

export interface ServerProcess {
  /** Without a trailing slash. */
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly data: string;
  /** All that it wrote to stdout so far. */
  output(): string;
  /** One request over kept-alive connections, the administrator's token unless `headers.authorization` says otherwise ('' for none). Rejects when the server dies first. */
  ask(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  /** Sends the signal and resolves when the process has ended. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit>;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<Exit>;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
type Settings = Readonly<Record<string, string>>;

function start(args: readonly string[], settings: Settings): Child {
  return spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(leash)}`, program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: compiled, ...settings },
  });
}

function listenTo(child: Child): { readonly heard: { stdout: string; stderr: string }; readonly ended: Promise<Exit> } {
  const heard = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (heard.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (heard.stderr += text));
  const ended = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined, ...heard }));
  });
  return { heard, ended };
}

/** Runs a command to its end, with these settings and no others. */
export function runCommand(args: readonly string[], settings: Settings = {}): Promise<Exit> {
  return listenTo(start(args, settings)).ended;
}

/**
 * Starts `watchfire serve` on a data folder and a free port; resolves when it is ready, rejects with what it said when it ends
 * before. Where the signal aborts first, it is killed while it starts.
 */
export async function startServer(data: string, settings: Settings = {}, signal?: AbortSignal): Promise<ServerProcess> {
  const child = start(['serve'], {
    WATCHFIRE_PORT: '0',
    WATCHFIRE_DATA: data,
    WATCHFIRE_LOG_LEVEL: 'warn',
    ...settings,
  });
  signal?.addEventListener('abort', () => child.kill('SIGKILL'));
  const { heard, ended } = listenTo(child);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', () => {
      const ready = /ready at (http:\S+)\s/.exec(heard.stdout);
      if (ready) resolve(ready[1]!);
    });
    ended.then(({ code, signal, stderr }) => reject(new Error(`the server ended with ${code ?? signal}: ${stderr}`)));
  });
  const token = settings['WATCHFIRE_ADMIN_TOKEN'] ?? readFileSync(join(data, 'admin-token'), 'utf8').trim();
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  ended.then(() => agent.destroy());
  const ask: ServerProcess['ask'] = (method, path, body, headers = {}) =>
    send(agent, new URL(path, url), method, body, { authorization: `Bearer ${token}`, ...headers });
  const health = await ask('GET', '/health/ready');
  if (health.status !== 200) throw new Error(`the server is not ready: ${health.text}`);
  return {
    url,
    token,
    pid: child.pid!,
    data,
    output: () => heard.stdout,
    ask,
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
    ended,
  };
}

function send(agent: Agent, url: URL, method: string, body: unknown, asked: Settings): Promise<Reply> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const headers: Record<string, string> = {};
  if (text !== undefined) {
    headers['content-type'] = url.pathname.startsWith('/fhir') ? 'application/fhir+json' : 'application/json';
    headers['content-length'] = String(Buffer.byteLength(text));
  }
  for (const [name, value] of Object.entries(asked)) if (value !== '') headers[name] = value;
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answered = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text: answered,
          body: parsed(answered),
        });
      });
    });
    request.on('error', reject);
    request.end(text);
  });
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
