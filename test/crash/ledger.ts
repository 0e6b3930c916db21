/** What a client knows of a server that dies all the time: what was acknowledged, and what must therefore be there for ever. */

import type { Reply, ServerProcess } from '../support/process.ts';
import { sameContent } from '../support/same-content.ts';

/** Every version of one resource that is written by one client only; undefined for a deletion. */
export interface Written {
  readonly reference: string;
  readonly versions: (string | undefined)[];
}

/** Finds out, on the next server, what became of a request that nobody answered. */
export type Unsure = (server: ServerProcess) => Promise<void>;

/** One identifier that many clients create with If-None-Exist. */
export interface Conditional {
  readonly text: string;
  readonly ids: Set<string>;
  created: number;
  unanswered: number;
}

/** A version of a counter that somebody wrote on condition of the version before. */
export interface Counted {
  /** By version, the operation that was acknowledged to have written it. */
  readonly acknowledged: Map<number, string>;
  readonly unanswered: Set<string>;
}

export interface Ledger {
  readonly written: Map<string, Written>;
  readonly conditionals: Map<string, Conditional>;
  readonly counters: Map<string, Counted>;
  /** Operations whose transaction was refused: nothing of them may be there. */
  readonly refused: string[];
  /** X-Request-Ids of everything that was answered. */
  readonly answered: string[];
  unsure: Unsure[];
  /** Sentences about what must never be. */
  readonly faults: string[];
  readonly figures: {
    acknowledged: number;
    unanswered: number;
    /** Of the unanswered, those that are stored all the same. */
    stored: number;
    byKind: Record<string, number>;
  };
  /** A name that no other operation has. */
  name(): string;
}

export function openLedger(): Ledger {
  let names = 0;
  return {
    written: new Map(),
    conditionals: new Map(),
    counters: new Map(),
    refused: [],
    answered: [],
    unsure: [],
    faults: [],
    figures: { acknowledged: 0, unanswered: 0, stored: 0, byKind: {} },
    name: () => `op-${++names}`,
  };
}

/** The one way in which clients speak: named, noted, and undefined when the server died before it answered. */
export async function say(
  ledger: Ledger,
  server: ServerProcess,
  [method, path, body, headers]: readonly [
    method: string,
    path: string,
    body?: string,
    headers?: Readonly<Record<string, string>>,
  ],
): Promise<Reply | undefined> {
  const name = `${ledger.name()}.${server.pid}`;
  let reply: Reply;
  try {
    reply = await server.ask(method, path, body, { 'x-request-id': name, ...headers });
  } catch {
    return undefined;
  }
  ledger.answered.push(name);
  if (reply.status >= 500) ledger.faults.push(`${method} ${path} answered ${reply.status}: ${reply.text}`);
  return reply;
}

export function acknowledge(ledger: Ledger, kind: string): void {
  ledger.figures.acknowledged++;
  ledger.figures.byKind[kind] = (ledger.figures.byKind[kind] ?? 0) + 1;
}

/** Notes a request that nobody answered, with the question that settles it later. */
export function wonder(ledger: Ledger, question: Unsure): void {
  ledger.figures.unanswered++;
  ledger.unsure.push(question);
}

/** Asks all open questions; afterwards the ledger knows everything. */
export async function settleAll(ledger: Ledger, server: ServerProcess): Promise<void> {
  const open = ledger.unsure;
  ledger.unsure = [];
  await Promise.all(open.map((question) => question(server)));
}

export const versionOf = (reply: Reply): number => Number(/^W\/"(\d+)"$/.exec(reply.headers.etag ?? '')?.[1]);

/** Whether the newest version is the one that the ledger has; a sentence otherwise. */
export async function standing(server: ServerProcess, { reference, versions }: Written): Promise<string | undefined> {
  const reply = await server.ask('GET', `/fhir/${reference}`);
  const text = versions.at(-1);
  const status = text === undefined ? 410 : 200;
  if (reply.status !== status) return `${reference} answers ${reply.status}, not ${status}`;
  const version = versionOf(reply);
  if (version !== versions.length) return `${reference} has version ${version}, not ${versions.length}`;
  if (text !== undefined && !sameContent(text, reply.text)) return `${reference} does not say what was sent`;
  return undefined;
}

/** All matches of all pages. */
export async function searchAll(server: ServerProcess, query: string): Promise<any[]> {
  const found: any[] = [];
  for (let next: string | undefined = `/fhir/${query}`; next; ) {
    const page: Reply = await server.ask('GET', next);
    if (page.status !== 200) throw new Error(`${query} answered ${page.status}: ${page.text}`);
    for (const { resource } of page.body.entry ?? []) found.push(resource);
    next = page.body.link.find((link: any) => link.relation === 'next')?.url;
  }
  return found;
}
