/** Before a jest run: names the run for its workers, see run-folder.ts. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup() {
  process.env.WATCHFIRE_TEST_RUN = String(process.pid);
  // What a run of the same number left behind that was killed itself.
  rmSync(join(tmpdir(), `watchfire-test-run-${process.pid}`), { recursive: true, force: true });
}
