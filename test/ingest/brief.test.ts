/** A house that a command opens for itself takes in nothing: its ports may be those of a server elsewhere. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { startHouse } from '../../src/server.ts';

const data = mkdtempSync(join(tmpdir(), 'watchfire-brief-'));
const taken: Server[] = [];
const settings: Record<string, string> = { WATCHFIRE_DATA: data, WATCHFIRE_PORT: '0', WATCHFIRE_LOG_LEVEL: 'silent' };

beforeAll(async () => {
  for (const name of ['WATCHFIRE_MLLP_PORT', 'WATCHFIRE_MQTT_PORT']) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    taken.push(server);
    settings[name] = `${(server.address() as AddressInfo).port}`;
  }
});
afterAll(() => {
  for (const server of taken) server.close();
  rmSync(data, { recursive: true });
});

describe('A house for one command', () => {
  it('starts though the ports of its feeds are taken, which stops a server', async () => {
    await expect(startHouse(readConfig(settings))).rejects.toThrow(/^WATCHFIRE_MLLP_PORT: .*EADDRINUSE/);

    const house = await startHouse(readConfig(settings), { isBrief: true });

    expect((await fetch(`${house.url}/fhir/metadata`)).status).toBe(200);
    await house.stop();
  });
});
