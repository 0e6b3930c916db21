/** What takes its time: slow bodies, and the whole hostile list eight at a time in 256 MB of heap (P19). */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CANARY } from './attack.ts';
import { bodies } from './corpus/bodies.ts';
import { bundles } from './corpus/bundles.ts';
import { devices } from './corpus/devices.ts';
import { requests } from './corpus/requests.ts';
import { resources } from './corpus/resources.ts';
import { besiege, type Siege } from './siege.ts';

let siege: Siege;
beforeAll(async () => {
  siege = await besiege();
});
afterAll(async () => {
  await siege?.end();
});

describe('the hostile list', () => {
  it('eight at a time, three times over, leaves the server standing in its memory', async () => {
    const all = [...bodies, ...resources, ...requests, ...bundles, ...devices];
    const broken: string[] = [];
    for (let round = 0; round < 3; round++) {
      let next = 0;
      const lane = async () => {
        while (next < all.length) {
          const attack = all[next++]!;
          const answer = await siege.send(attack).catch((error: Error) => ({ status: 599, text: error.message }));
          if (answer.status >= 500)
            broken.push(
              `${attack.row} ${attack.what} at ${attack.path}: ${answer.status} ${answer.text.slice(0, 200)}`,
            );
        }
      };
      await Promise.all(Array.from({ length: 8 }, lane));
    }
    const peak = siege.peakMemory();

    expect(broken).toEqual([]);
    if (peak !== undefined) expect(peak).toBeLessThan(450);
    expect((await siege.ask('GET', '/health/live')).status).toBe(200);
  });

  it('a body of one byte a second is given up after half a minute', async () => {
    const { heard, seconds } = await new Promise<{ heard: string; seconds: number }>((resolve) => {
      const began = performance.now();
      let answer = '';
      const socket = connect(siege.port, '127.0.0.1', () =>
        socket.write(
          'POST /fhir/Patient HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n{',
        ),
      );
      const drip = setInterval(() => socket.writable && socket.write(' '), 1_000);
      socket.on('data', (chunk) => (answer += chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearInterval(drip);
        resolve({ heard: answer, seconds: (performance.now() - began) / 1_000 });
      });
    });

    expect(heard === '' || /^HTTP\/1\.1 (401|408)/.test(heard)).toBe(true);
    // Without a limit it would take a thousand.
    expect(seconds).toBeLessThan(90);
  });

  it('is nowhere in what the server said', async () => {
    const { code, output, isClean } = await siege.end();

    expect(code).toBe(0);
    expect(output).not.toContain(CANARY);
    expect(isClean).toBe(true);
  });
});
