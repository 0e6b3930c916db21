/** Fills a store for bench/shapes.ts: through the store itself with the server's own index entries, and once for each size. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withIdentity } from '../src/fhir/json.ts';
import { systemRuntime } from '../src/runtime.ts';
import { extract } from '../src/search/extract.ts';
import { INDEX_VERSION } from '../src/search/index-version.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../src/store/store.ts';
import { patientOf, readSources, type Source } from './synthea.ts';

export interface Seeding {
  readonly patients: number;
  readonly observationsEach: number;
  readonly tell: (line: string) => void;
}

const listLength = 500;
const listsUnderWay = 4;

const archive = new URL('../../shared/data/synthea/smart-synthea-r4-dev.tar.xz', import.meta.url);

/** The published bundles beside the checkout. */
export const sources = (): readonly Source[] => readSources(archive.pathname);

/** A data folder with these patients; made in another and moved, so that one that is there is whole. Returns how many resources were written, 0 where it was there. */
export async function seeded(folder: string, from: readonly Source[], seeding: Seeding): Promise<number> {
  if (existsSync(folder)) return 0;
  const making = `${folder}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  const store = await openSqliteStore({
    file: join(making, 'watchfire.db'),
    runtime: systemRuntime,
    indexVersion: INDEX_VERSION,
  });
  let list: Change[] = [];
  let written = 0;
  const practices = new Set<string>();
  const underWay: Promise<unknown>[] = [];
  const send = async () => {
    underWay.push(store.commit(list));
    written += list.length;
    list = [];
    if (underWay.length >= listsUnderWay) await underWay.shift();
  };
  const started = performance.now();
  for (let n = 0; n < seeding.patients; n++) {
    for (const resource of patientOf(from, n, seeding.observationsEach)) {
      const { resourceType: type, id } = resource;
      if (type === 'Organization' || type === 'Practitioner') {
        if (practices.has(id)) continue;
        practices.add(id);
      }
      const text = withIdentity(JSON.stringify(resource), id);
      list.push({ op: 'write', key: { type, id }, method: 'PUT', text, index: extract(resource), expect: 'absent' });
      if (list.length === listLength) await send();
    }
    if (n % 50 === 49) {
      const rate = Math.round((written / (performance.now() - started)) * 1000);
      seeding.tell(`  ${n + 1} patients, ${written} resources, ${rate}/s`);
    }
  }
  if (list.length > 0) await send();
  await Promise.all(underWay);
  await store.close();
  renameSync(making, folder);
  return written;
}
