/** A house with an inbox, and what tests drop into it. Files count as quiet at once: the clock of the house is 10 seconds ahead. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRuntime } from '../../../src/runtime.ts';
import { type HouseOptions, openHouse, type TestHouse } from '../../support/house.ts';

export interface Inbox {
  readonly house: TestHouse;
  readonly folder: string;
  readonly inbox: string;
  readonly failed: string;
  drop(name: string | Buffer, content: unknown): void;
  /** Has the inbox looked through, and resolves with what the run says. */
  process(asked?: object): Promise<any>;
  inInbox(): readonly string[];
  /** Names below the archive, `2025-11-17/x.json`. */
  archived(): readonly string[];
  /** The OperationOutcome beside a failed file. */
  reasonOf(name: string): any;
  stop(): Promise<void>;
}

export const minutes = (n: number): string => new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString();
export const reading = (n: number, more: object = {}) => ({ timestamp: minutes(n), heart_rate: 72, ...more });
export const single = (device: string, n: number, more: object = {}) => ({ device_id: device, ...reading(n, more) });

/** Devices DEV001 and DEV002 are of Patient/p, NOBODYS is of nobody. */
export const people = [
  { resourceType: 'Patient', id: 'p' },
  ...['DEV001', 'DEV002', 'NOBODYS'].map((value) => ({
    resourceType: 'Device',
    id: value.toLowerCase(),
    identifier: [{ value }],
    ...(value === 'NOBODYS' ? {} : { patient: { reference: 'Patient/p' } }),
  })),
].map((resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));

export async function openInbox(settings: HouseOptions = {}): Promise<Inbox> {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-inbox-'));
  const [inbox, archive, failed] = ['inbox', 'archive', 'failed'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const runtime = { ...systemRuntime, now: () => Date.now() + 10_000 };
  const house = await openHouse({ runtime, iotInbox: inbox, iotArchive: archive, iotWatch: false, ...settings });
  await house.transaction(people);
  return {
    house,
    folder,
    inbox,
    failed,
    drop(name, content) {
      const path = Buffer.concat([Buffer.from(`${inbox}/`), Buffer.from(name as string)]);
      const part = join(folder, 'part');
      writeFileSync(
        part,
        content instanceof Uint8Array || typeof content === 'string' ? content : JSON.stringify(content),
      );
      renameSync(part, path);
    },
    async process(asked) {
      let { body, status } = await house.ask('POST', '/admin/iot-files/runs', asked);
      if (status !== 202) throw new Error(`no run: ${status}`);
      while (['waiting', 'running'].includes(body.state)) {
        await systemRuntime.sleep(5);
        ({ body, status } = await house.ask('GET', `/admin/iot-files/runs/${body.run}`));
      }
      return body;
    },
    inInbox: () => readdirSync(inbox).sort(),
    archived: () =>
      readdirSync(archive)
        .flatMap((day) => readdirSync(join(archive, day)).map((name) => `${day}/${name}`))
        .sort(),
    reasonOf: (name) => JSON.parse(readFileSync(join(failed, `${name}.error.json`), 'utf8')),
    async stop() {
      await house.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
