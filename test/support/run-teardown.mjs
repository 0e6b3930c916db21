/** After a jest run: ends the servers that its test files shared, and removes the folder of the run, see run-folder.ts. */
import { globSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function teardown() {
  const folder = join(tmpdir(), `watchfire-test-run-${process.pid}`);
  for (const path of globSync(join(folder, '*', '*', 'pid'))) {
    try {
      process.kill(Number(readFileSync(path, 'utf8')), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
