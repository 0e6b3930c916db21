import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../support/process.ts';

const data = mkdtempSync(join(tmpdir(), 'watchfire-serve-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

describe('A start that fails', () => {
  it.each([[['serve']], [['serve', '--demo']]])('ends with a sentence and leaves nothing open: %s', async (command) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = taken.address() as AddressInfo;
      const exit = await runCommand(command, { WATCHFIRE_PORT: String(port), WATCHFIRE_DATA: data });
      expect(exit.code).toBe(2);
      expect(exit.stderr).toMatch(/^watchfire: WATCHFIRE_PORT.*in use.*\n$/);
      expect(readdirSync(data)).not.toContain('owner.lock');
    } finally {
      taken.close();
    }
  });
});
