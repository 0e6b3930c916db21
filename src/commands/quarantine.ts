/** `watchfire quarantine`: what came in and could not be taken in, from the command line. docs/hl7v2.md */
import { readFileSync, writeSync } from 'node:fs';
import type { Config } from '../config.ts';
import { ask, askAll, type Reached, withServer } from './running.ts';

export interface QuarantineFilter {
  readonly feed?: string;
  readonly state?: string;
  readonly code?: string;
}

const path = (id: string, more = '') => `/admin/quarantine/${encodeURIComponent(id)}${more}`;

/** A line each: id, when, state, code and reason. */
export async function printQuarantine(config: Config, filter: QuarantineFilter, print: (line: string) => void) {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams([['count', '500'], ...given] as [string, string][]);
  const rows = await withServer(config, (reached) => askAll(reached, `/admin/quarantine?${query}`, 'quarantine'));
  for (const { id, at, state, code, reason } of rows) print(`${id}  ${at}  ${state}  ${code}: ${reason}`);
  if (rows.length === 0) print('nothing');
}

export async function printQuarantined(config: Config, id: string, print: (line: string) => void) {
  print(JSON.stringify(await withServer(config, (reached) => ask(reached, 'GET', path(id))), null, 2));
}

/** Bytes of a payload come and go as they are. */
async function bytesOf(
  { url, token }: Reached,
  method: string,
  to: string,
  body?: Uint8Array<ArrayBuffer>,
): Promise<Buffer> {
  const response = await fetch(`${url}${to}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/octet-stream' }) },
    body,
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(JSON.parse(bytes.toString()).issue[0].diagnostics);
  return bytes;
}

/** To the standard output, byte by byte. */
export async function writePayload(config: Config, id: string) {
  const bytes = await withServer(config, (reached) => bytesOf(reached, 'GET', path(id, '/payload')));
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

/** `file`: the repaired payload; left out, it is tried as it came. */
export async function retryQuarantined(
  config: Config,
  id: string,
  file: string | undefined,
  print: (line: string) => void,
) {
  const repaired = file === undefined ? undefined : new Uint8Array(readFileSync(file));
  await withServer(config, (reached) => bytesOf(reached, 'POST', path(id, '/retry'), repaired));
  print(`${id} is taken in`);
}

export async function discardQuarantined(config: Config, id: string, reason: string, print: (line: string) => void) {
  await withServer(config, (reached) => ask(reached, 'POST', path(id, '/discard'), { reason }));
  print(`${id} is discarded`);
}
