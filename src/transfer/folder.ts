/** An export in a folder: parts of bounded size, and a manifest that says which of them are whole. docs/moving-stores.md */
import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tallies } from './lines.ts';
import { FORMAT, type Header } from './lines.ts';
import type { Place } from './records.ts';

export interface Part {
  readonly file: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly header: Header;
  /** What the store was like when the export began: another is not gone on with. */
  readonly source: string;
  readonly parts: readonly Part[];
  /** Where the last part ends. */
  readonly place?: Place;
  /** Of the parts together. */
  readonly tallies: Tallies;
  readonly isWhole: boolean;
}

const manifestFile = 'manifest.json';

/** Undefined where there is none; a folder that holds something else is refused. */
export function readManifest(folder: string): Manifest | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, manifestFile), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.header?.is !== 'watchfire-export') throw new Error(`${join(folder, manifestFile)} is not of Watchfire`);
  if (manifest.header.format !== FORMAT)
    throw new Error(`the export in ${folder} has format ${manifest.header.format}, this program reads ${FORMAT}`);
  return manifest;
}

/** For its owner alone: an export holds all that the store does. */
export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const others = readdirSync(folder).filter((name) => !/^(manifest\.json|part-\d+\.ndjson)(\.new)?$/.test(name));
  if (others.length > 0) throw new Error(`the folder ${folder} holds other files (${others[0]}); name an empty one`);
}

/** Resolves when it is on disk, whole, under its name. */
async function put(folder: string, file: string, content: string | Uint8Array): Promise<void> {
  const path = join(folder, file);
  const handle = await open(`${path}.new`, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
  const directory = await open(folder, 'r');
  await directory.sync();
  await directory.close();
}

export const writeManifest = (folder: string, manifest: Manifest): Promise<void> =>
  put(folder, manifestFile, `${JSON.stringify(manifest, undefined, 1)}\n`);

export async function writePart(folder: string, number: number, lines: readonly string[]): Promise<Part> {
  const file = `part-${String(number).padStart(5, '0')}.ndjson`;
  const content = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8');
  await put(folder, file, content);
  return { file, records: lines.length, bytes: content.length, sha256: hash('sha256', content) };
}

/** Its lines, once it is known to be as it was written. */
export function readPart(folder: string, { file, records, sha256 }: Part): readonly string[] {
  let content: Buffer;
  try {
    content = readFileSync(join(folder, file));
  } catch (error) {
    throw new Error(`the part ${file} of the export cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const lines = content.toString('utf8').split('\n').slice(0, -1);
  if (hash('sha256', content) !== sha256 || lines.length !== records)
    throw new Error(`the part ${file} of the export is damaged: it is not what was written; copy or export it again`);
  return lines;
}
