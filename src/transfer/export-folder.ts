/** Writes a store out into a folder, part by part, and goes on behind the last whole part where it was stopped. docs/moving-stores.md */
import { hash } from 'node:crypto';
import type { Engine } from '../store/engine.ts';
import { type ExportParts, goingAlong, headerOf } from './export.ts';
import { type Manifest, makeFolder, readManifest, writeManifest, writePart } from './folder.ts';
import type { Tallies } from './lines.ts';
import { keptLine } from './lines.ts';
import { portable } from './portable.ts';
import { createTallying } from './tally.ts';

/** Characters of lines in a part; a longer line is a part of its own. */
const PART = 16 << 20;

/** `partSize` is for tests. */
export async function exportToFolder(folder: string, parts: ExportParts, partSize = PART): Promise<Tallies> {
  makeFolder(folder);
  const source = await sourceOf(parts.engine);
  const found = readManifest(folder);
  if (found && found.source !== source)
    throw new Error(
      `the folder ${folder} holds an export of another store, or of this one before it changed; name an empty one`,
    );
  let manifest: Manifest = found ?? {
    header: await headerOf(parts),
    source,
    parts: [],
    tallies: createTallying().tallies(),
    isWhole: false,
  };
  if (manifest.isWhole) return manifest.tallies;

  const tallying = createTallying(manifest.tallies);
  let done = manifest.parts.reduce((sum, { records }) => sum + records, 0);
  let lines: string[] = [];
  let size = 0;
  let { place } = manifest;
  const keep = async (isWhole: boolean) => {
    const part = lines.length > 0 ? [await writePart(folder, manifest.parts.length + 1, lines)] : [];
    const tallies = tallying.tallies();
    manifest = { ...manifest, parts: [...manifest.parts, ...part], ...(place && { place }), tallies, isWhole };
    await writeManifest(folder, manifest);
    lines = [];
    size = 0;
    parts.onProgress(done, manifest.header.records);
  };
  for await (const record of goingAlong(parts, place)) {
    const text = JSON.stringify(record.line);
    if (size > 0 && size + text.length > partSize) await keep(false);
    tallying.add(record.line, text);
    lines.push(text);
    size += text.length + 1;
    place = record.place;
    done++;
  }
  await keep(true);
  return manifest.tallies;
}

/** What tells a store that nobody has written to since from any other: every request leaves an audit row, every write a version. */
async function sourceOf(engine: Engine): Promise<string> {
  const [row] = await engine.audit({ count: 1 });
  const { resources, versions } = await engine.sizes();
  const tallying = createTallying();
  for await (const held of engine.contents.kept()) {
    const kept = held.expires === undefined ? portable(held) : undefined;
    if (kept) tallying.add(keptLine(kept), JSON.stringify(keptLine(kept)));
  }
  return hash('sha256', JSON.stringify([row ?? null, resources, versions, tallying.tallies().kept]));
}
