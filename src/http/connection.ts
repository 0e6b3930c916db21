/** The listening server: limits against slow and hostile clients, and an OperationOutcome for what is not even HTTP. */
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ConfigError } from '../config.ts';
import { type IssueCode, operationOutcome } from '../fhir/outcome.ts';
import type { Runtime } from '../runtime.ts';
import { FHIR_JSON, securityHeaders } from './respond.ts';

const CONNECTIONS = 2_000;
const PER_ADDRESS = 200;
/** Milliseconds between two looks for connections that have become idle. */
const IDLE_LOOK = 50;

interface Broken {
  readonly status: string;
  readonly code: IssueCode;
  readonly diagnostics: string;
}

/** https://nodejs.org/api/http.html#event-clienterror: what the parser or a timer found. */
function brokenBy(code: string | undefined): Broken | undefined {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: '431 Request Header Fields Too Large', code: 'too-long', diagnostics: 'the headers are too long' };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: '408 Request Timeout', code: 'timeout', diagnostics: 'the request took too long to arrive' };
  if (code?.startsWith('HPE_'))
    return { status: '400 Bad Request', code: 'structure', diagnostics: 'the request is not valid HTTP/1.1' };
  return undefined;
}

function answerBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  const broken = socket.writable ? brokenBy(error.code) : undefined;
  if (!broken) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(
    operationOutcome([{ severity: 'error', code: broken.code, diagnostics: broken.diagnostics }]),
  );
  const headers = {
    ...securityHeaders,
    'Content-Type': FHIR_JSON,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${broken.status}\r\n${lines.join('')}\r\n${body}`);
}

/** Why it cannot listen there, with the setting that says so. */
function refusedListening(error: NodeJS.ErrnoException, port: number, host: string): ConfigError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ConfigError(`WATCHFIRE_PORT: port ${port} at ${host} is in use by another program`);
    case 'EACCES':
      return new ConfigError(`WATCHFIRE_PORT: port ${port} may not be opened by this user`);
    default:
      return new ConfigError(`WATCHFIRE_HOST: ${host} is no address of this machine (${error.code})`);
  }
}

/** Where a server on this host is reached from this machine; one that listens on all addresses, by the loopback. */
export function addressUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export interface Listener {
  /** Resolves when it takes requests. Rejects with a ConfigError that names the setting to change. */
  listen(port: number, host: string): Promise<AddressInfo>;
  /**
   * Takes no new connections and ends each open one with the answer that is under way; answers that begin from now on say
   * `Connection: close`. Resolves when all are closed; after `seconds` those that are left are cut.
   */
  drain(seconds: number, runtime: Runtime): Promise<void>;
  /** Ends everything at once. */
  cut(): void;
}

/** One server for the app, with the limits of docs/promises.md. */
export function createListener(app: RequestListener): Listener {
  const unanswered = new Set<ServerResponse>();
  let isDraining = false;
  const follow: RequestListener = (request, response) => {
    if (isDraining) response.shouldKeepAlive = false;
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
    app(request, response);
  };
  const server = createLimited(follow);
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server
          .once('error', (error) => reject(refusedListening(error, port, host)))
          .listen(port, host, () => resolve(server.address() as AddressInfo));
      }),
    async drain(seconds, runtime) {
      isDraining = true;
      for (const response of unanswered) response.shouldKeepAlive = false;
      const ended = new AbortController();
      server.close(() => ended.abort());
      const deadline = runtime.now() + seconds * 1_000;
      while (!ended.signal.aborted && runtime.now() < deadline) {
        server.closeIdleConnections();
        await runtime.sleep(IDLE_LOOK, ended.signal);
      }
      server.closeAllConnections();
    },
    cut() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function createLimited(app: RequestListener): Server {
  const server = createServer(
    {
      headersTimeout: 5_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16_384,
      // Answered by the app, as everything else that is wrong with a request.
      requireHostHeader: false,
    },
    app,
  );
  server.maxConnections = CONNECTIONS;
  server.maxHeadersCount = 100;
  // A reader so slow that nothing moves for this long is let go.
  server.setTimeout(120_000);
  server.on('clientError', answerBroken);
  // An expectation that nobody knows is passed over; node itself would answer 417 without a word.
  server.on('checkExpectation', app);
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    // Proxies and tests come from the loopback in any number.
    if (count > PER_ADDRESS && !/^(127\.|::1$|::ffff:127\.)/.test(address)) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = open.get(address)! - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
  return server;
}
