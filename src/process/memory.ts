/** Gives memory back when a load is over: V8 collects old garbage under pressure only, which a quiet server never feels. https://nodejs.org/api/v8.html#v8setflagsfromstringflags */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Runtime } from '../runtime.ts';

/** Milliseconds without a request that count as quiet. */
const QUIET = 3_000;
/** Requests after which there is something to collect. */
const MANY = 200;

/** Collects once each time that many requests were followed by quiet; some 50 ms that nobody waits for. `requests` counts up. */
export async function trimWhenQuiet(requests: () => number, runtime: Runtime, signal: AbortSignal): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void;
  let collected = 0;
  let seen = 0;
  while (!signal.aborted) {
    await runtime.sleep(QUIET, signal);
    const now = requests();
    if (now === seen && now - collected >= MANY) {
      collect({ type: 'major', flavor: 'last-resort' });
      collected = now;
    }
    seen = now;
  }
}
