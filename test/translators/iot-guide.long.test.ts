import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../support/free-ports.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guide = readFileSync(join(root, 'docs/device-guide.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'watchfire-guide-'));
let house: TestHouse;
let mqttPort: number;

/** Whether a program is there; says so where it is not. */
function has(program: string, ...args: readonly string[]): boolean {
  if (spawnSync(program, args, { stdio: 'ignore' }).status === 0) return true;
  process.stderr.write(`skipped: ${program} is not here\n`);
  return false;
}

/** Every client of the guide, as a file, by the name in the first line of its block. */
beforeAll(async () => {
  for (const [, name, text] of guide.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms))
    writeFileSync(join(folder, name!), text!);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  mqttPort = await freePort();
  house = await openHouse({ mqttPort });
});
afterAll(async () => {
  await house.stop();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
async function device() {
  const n = ++count;
  const deviceId = `GUIDE${n}`;
  await house.update({ resourceType: 'Patient', id: `g${n}` });
  const identifier = [{ system: 'urn:device', value: deviceId }];
  await house.update({ resourceType: 'Device', id: `g${n}`, identifier, patient: { reference: `Patient/g${n}` } });
  const key = await house.deviceKey(deviceId);
  const queue = join(folder, `queue-${n}`);
  const run = (program: string, args: readonly string[], more: Record<string, string> = {}) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const env = {
        PATH: process.env['PATH'],
        WATCHFIRE_URL: house.url,
        DEVICE_ID: deviceId,
        API_KEY: key,
        QUEUE: queue,
        RETRIES: '0',
        MQTT_URL: `mqtt://127.0.0.1:${mqttPort}`,
        ...more,
      };
      execFile(program, args, { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  const values = async () =>
    (await house.search(`Observation?patient=g${n}&code=8867-4&_sort=date`)).map(
      ({ valueQuantity }) => valueQuantity.value,
    );
  return { deviceId, key, queue, run, values };
}

interface Client {
  readonly language: string;
  readonly isHere: () => boolean;
  /** What the compiler is told. */
  readonly build?: readonly string[];
  readonly command: readonly [string, ...string[]];
  readonly reading: (heartRate: number) => string;
}

const members = (heartRate: number) => `"heart_rate": ${heartRate}, "battery_level": 80`;
const object = (heartRate: number) => `{${members(heartRate)}}`;
const clients: readonly Client[] = [
  { language: 'shell', isHere: () => has('curl', '--version'), command: ['sh', 'client.sh'], reading: members },
  { language: 'Python', isHere: () => has('python3', '--version'), command: ['python3', 'client.py'], reading: object },
  { language: 'JavaScript', isHere: () => true, command: [process.execPath, 'client.mjs'], reading: object },
  {
    language: 'C',
    isHere: () => has('cc', '--version'),
    build: ['-std=c11', '-Wall', '-Wextra', '-Werror', '-o', 'client', 'client.c'],
    command: ['./client'],
    reading: members,
  },
];

describe.each(clients)('the client in $language', ({ isHere, build, command: [program, ...args], reading }) => {
  it('queues while nobody answers, then sends all of it once (2-047, 2-102, 2-103)', async () => {
    if (!isHere()) return;
    if (build) {
      const { status, stderr } = spawnSync('cc', build, { cwd: folder, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    }
    const one = await device();
    const nobody = { WATCHFIRE_URL: `http://127.0.0.1:${await freePort()}` };
    expect((await one.run(program, [...args, reading(71)], nobody)).code).toBe(1);
    const [offline] = readFileSync(one.queue, 'utf8').trim().split('\n');
    // A reading of before, as the queue of a device holds it, and one that no patient can have.
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const earlier = (second: number, heartRate: number) =>
      offline!
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/, `${yesterday}T00:00:0${second}`)
        .replace(/(?<="heart_rate": ?)71/, `${heartRate}`);
    writeFileSync(one.queue, `${earlier(1, 70)}\n${earlier(2, 999)}\n${offline}\n`);
    const waiting = readFileSync(one.queue);

    expect(await one.run(program, args)).toMatchObject({ code: 0 });
    expect(readFileSync(one.queue, 'utf8')).toBe('');
    expect(await one.values()).toEqual([70, 71]);
    // The answer was lost: the same again is stored once.
    writeFileSync(one.queue, waiting);
    expect(await one.run(program, args)).toMatchObject({ code: 0 });
    expect(await one.values()).toEqual([70, 71]);
    expect((await one.run(program, [...args, reading(72)], { API_KEY: `${one.key}x` })).code).toBe(1);
    expect(readFileSync(one.queue, 'utf8')).toContain('72');
  });

  it('sets aside a line that a power cut tore, and what is refused, and sends all the others', async () => {
    if (!isHere()) return;
    const one = await device();
    const at = (second: number) => new Date(Date.now() - 600_000 + second * 1_000).toISOString();
    const good = (second: number, heartRate: number) => `{"timestamp": "${at(second)}", ${members(heartRate)}}`;
    const torn = good(1, 61).slice(0, 30);
    const spoilt = `{"timestamp": "${at(2)}", "heart_rate": }`;
    const cannotBe = good(3, 999);
    const last = good(6, 66).slice(0, -21);
    writeFileSync(one.queue, `${torn}\n${good(4, 64)}\n${spoilt}\n${cannotBe}\n\0\0\0\n${good(5, 65)}\n${last}`);

    expect(await one.run(program, [...args, reading(67)])).toMatchObject({ code: 0 });
    expect(await one.values()).toEqual([64, 65, 67]);
    expect(readFileSync(one.queue, 'utf8')).toBe('');
    const [tornAside, refused] = ['torn', 'refused'].map((what) => readFileSync(`${one.queue}.${what}`, 'utf8'));
    expect(tornAside).toContain(`${torn}\n`);
    expect(tornAside).toContain(`${last}\n`);
    expect(tornAside! + refused!).toContain(spoilt);
    expect(refused).toContain('999');
    expect(refused).not.toMatch(/"heart_rate": ?6[457]/);
    expect(tornAside).not.toMatch(/"heart_rate": 6[457], .*80}/);
    // Nothing is set aside twice, and an hour later nothing is left to do.
    expect(await one.run(program, args)).toMatchObject({ code: 0 });
    expect(readFileSync(`${one.queue}.torn`, 'utf8')).toBe(tornAside);
    expect(tornAside!.split(`${torn}\n`)).toHaveLength(2);
  });

  it('keeps what it could not send behind a torn line', async () => {
    if (!isHere()) return;
    const one = await device();
    writeFileSync(one.queue, `{"timestamp": "2026-11-01T00:00\n`);
    const nobody = { WATCHFIRE_URL: `http://127.0.0.1:${await freePort()}` };
    expect((await one.run(program, [...args, reading(71)], nobody)).code).toBe(1);
    // Two of the clients tell seconds alone.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await one.run(program, [...args, reading(72)], nobody)).code).toBe(1);
    expect(await one.run(program, args)).toMatchObject({ code: 0 });
    expect((await one.values()).sort()).toEqual([71, 72]);
  });
});

describe('the MQTT client of the guide', () => {
  it('publishes, is acknowledged and told', async () => {
    const one = await device();
    const { code, stdout } = await one.run(process.execPath, ['mqtt.mjs', object(77)]);

    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { status: 201, success: true, topic: `iot/${one.deviceId}/vitals` },
    ]);
    expect(await one.values()).toEqual([77]);
  });
});

describe('the seed\u2019s own clients', () => {
  const seed = join(root, '../shared/seeds/002_8c2f251c1d35910b.txt');
  const blockAfter = (heading: string) =>
    readFileSync(seed, 'utf8')
      .split(heading)[1]!
      .split(/```\w*\n/)[1]!;
  const isThere = () => {
    if (existsSync(seed)) return true;
    process.stderr.write('skipped: the seeds are not beside this checkout (shared/seeds)\n');
    return false;
  };

  it('are taken as printed: curl (2-094)', async () => {
    if (!isThere() || !has('curl', '--version')) return;
    const one = await device();
    const printed = blockAfter('### Test API Endpoint')
      .replace('https://your-server.com', house.url)
      .replace('your_api_key_here', one.key)
      .replace('DEV001', one.deviceId);
    const { stdout } = await one.run('sh', ['-c', printed]);

    expect(JSON.parse(stdout)).toMatchObject({ success: true, timestamp: '2025-11-17T10:30:00Z' });
  });

  it('are taken as printed: Python (2-047)', async () => {
    if (!isThere() || !has('python3', '-c', 'import requests')) return;
    const one = await device();
    const printed = blockAfter('### Example Client Code (Python)')
      .replace('https://your-ehr-server.com', house.url)
      .replace('your_api_key_here', one.key)
      .replace('"DEV001"', `"${one.deviceId}"`);
    const { stdout } = await one.run('python3', ['-W', 'ignore', '-c', printed]);

    expect(stdout).toContain("'success': True");
    expect(await one.values()).toEqual([75]);
  });
});
