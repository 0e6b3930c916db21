/** A house that takes messages in over HTTP, and the maps themselves for what no answer tells. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mapped, mapMessage } from '../../../../src/ingest/hl7v2/maps/map.ts';
import { parseMessage } from '../../../../src/ingest/hl7v2/wire/message.ts';
import { createImplants } from '../../../../src/ingest/implants/room.ts';
import { systemRuntime } from '../../../../src/runtime.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/sqlite-store.ts';
import { type HouseOptions, openHouse, type TestHouse } from '../../../support/house.ts';

export const canonical = 'https://example.org/fhir';

/** Segments as a message has them. */
export const message = (...segments: readonly string[]): Buffer => Buffer.from(`${segments.join('\r')}\r`, 'utf8');

/** A segment by the numbers of its fields, so that nobody has to count bars. */
export function segment(name: string, fields: Readonly<Record<number, string>>): string {
  const last = Math.max(...Object.keys(fields).map(Number));
  return [name, ...Array.from({ length: last }, (_, i) => fields[i + 1] ?? '')].join('|');
}

export interface Taken {
  readonly status: number;
  /** MSA-1 as in the original mode: AA, AE or AR. */
  readonly verdict: string;
  /** ERR segments. */
  readonly remarks: readonly string[];
}

export interface MapRoom extends TestHouse {
  send(bytes: Uint8Array): Promise<Taken>;
}

export async function openMapRoom(options: HouseOptions = {}): Promise<MapRoom> {
  const house = await openHouse(options);
  return Object.assign(house, {
    async send(bytes: Uint8Array): Promise<Taken> {
      const { status, text } = await house.ask('POST', '/hl7v2', bytes, { 'content-type': 'application/hl7-v2' });
      const lines = text.split(/[\r\n]+/);
      const verdict =
        lines
          .find((line) => line.startsWith('MSA'))
          ?.split('|')[1]
          ?.replace('C', 'A') ?? '';
      return { status, verdict, remarks: lines.filter((line) => line.startsWith('ERR')) };
    },
  });
}

export interface Maps {
  map(bytes: Uint8Array, zone?: string): Promise<Mapped>;
  close(): Promise<void>;
}

/** The maps before a store that knows nothing, and is told nothing. */
export async function openMaps(): Promise<Maps> {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-maps-'));
  const runtime = systemRuntime;
  const store = await openSqliteStore({ file: join(folder, 'store.db'), runtime });
  const implants = createImplants({ store, runtime, canonical });
  const base = 'http://test/fhir';
  return {
    map: (bytes, zone = 'UTC') =>
      mapMessage(parseMessage(bytes), { store, canonical, base, zone, now: runtime.now(), implants }),
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The resources of a type that a message became. */
export const made = ({ entries }: Mapped, type: string): any[] =>
  entries.filter(({ body }) => body?.resource.resourceType === type).map(({ body }) => JSON.parse(body!.text));
