import { describe, expect, it } from '@jest/globals';
import { createPatience, GIVEN_UP, QUIET } from '../../../src/ingest/file-drop/patience.ts';
import { isCutOff } from '../../../src/ingest/file-drop/whole.ts';

const bytes = (text: string) => Buffer.from(text);

describe('JSON text', () => {
  const whole = '{"device_id":"D\\"}","n":[1,{"a":"ü"}]}';

  it('is cut off at every place but its end (I44)', () => {
    const all = bytes(whole);
    expect(Array.from(all, (_, at) => isCutOff(all.subarray(0, at))).filter((cut) => !cut)).toEqual([]);
    expect(isCutOff(all)).toBe(false);
  });

  it('is whole without a newline behind it and with several', () => {
    expect([whole, `${whole}\n`, `${whole}\r\n\n`].some((text) => isCutOff(bytes(text)))).toBe(false);
  });

  it('is not whole with zeros where a writer has not been yet (I44)', () => {
    expect(isCutOff(bytes(`${whole}\0\0\0`))).toBe(true);
    expect(isCutOff(Buffer.alloc(4_096))).toBe(true);
  });

  it('that nothing could mend is whole: it fails at once', () => {
    expect(['nonsense', '{"a":nonsense}', '[]', '{}}'].some((text) => isCutOff(bytes(text)))).toBe(false);
  });
});

describe('Patience', () => {
  const file = { dev: 1n, ino: 2n, size: 3n, modified: 0n, changed: 0n, links: 1n };
  const name = bytes('a.json');

  it('knows by the system how long a file has been as it is', () => {
    const patience = createPatience(() => 1_000_000);
    expect(patience.unchangedFor(name, { ...file, changed: 990_000n * 1_000_000n })).toBe(10_000);
  });

  it('waits by its own clock where the time of the file lies ahead (I43)', () => {
    let now = 0;
    const patience = createPatience(() => now);
    const ahead = { ...file, changed: 10n ** 18n };
    expect(patience.unchangedFor(name, ahead)).toBeLessThan(QUIET);
    now = QUIET;
    expect(patience.unchangedFor(name, ahead)).toBe(QUIET);
    now = GIVEN_UP;
    expect(patience.unchangedFor(name, ahead)).toBe(GIVEN_UP);
  });

  it('begins anew when the file grows (I44)', () => {
    let now = 0;
    const patience = createPatience(() => now);
    const growing = { ...file, changed: 10n ** 18n };
    patience.unchangedFor(name, growing);
    now = QUIET;
    expect(patience.unchangedFor(name, { ...growing, size: 4n })).toBe(0);
  });

  it('puts off what the store could not take, longer each time, and forgets what is gone', () => {
    const patience = createPatience(() => 0);
    patience.unchangedFor(name, file);
    patience.putOff(name);
    const first = patience.untilDue(name);
    patience.putOff(name);
    expect(patience.untilDue(name)).toBeGreaterThan(first);
    patience.keep([]);
    expect(patience.untilDue(name)).toBe(0);
  });
});
