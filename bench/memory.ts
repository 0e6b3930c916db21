/** What memory the server holds while readings come in steadily. `node bench/memory.ts --help` */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openConnection } from './client.ts';
import { startServerProcess } from './contestants.ts';
import { processSeconds, residentMegabytes } from './processes.ts';
import { operationNamed, table } from './report.ts';
import { parsed, settle } from './world.ts';

const HELP = `Sends batches of 100 readings at a steady pace and tells the resident memory of the server.

  node bench/memory.ts [options]

  --seconds N        how long (default 60; 3600 for the hour)
  --rate N           readings a second (default 500)
  --samples N        how often memory is told (default 12)
  --store URI        on this store instead of the embedded one
  --folder PATH      scratch data, emptied first (default data/bench/memory)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '500' },
    samples: { type: 'string', default: '12' },
    store: { type: 'string' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'memory') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const BATCH = 100;
const CONNECTIONS = 4;
const seconds = Number(given.seconds);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const server = await startServerProcess(given.folder, 'strict', given.store);
const rows: (string | number)[][] = [];
let faults = 0;
try {
  const { base, token, pid } = server;
  const world = await settle({
    base,
    token,
    seed: 1,
    concurrency: CONNECTIONS,
    patients: 4,
    hours: 24,
    nonce: 'memory',
  });
  const running = await operationNamed('iot-batch')!.begin(world, seconds);
  const begun = performance.now();
  const sinceThen = () => (performance.now() - begun) / 1000;
  let readings = 0;
  let isOver = false;
  /** Each connection has its own beat; one that is late does not catch up. */
  const send = async (worker: number) => {
    const connection = openConnection(base);
    const beat = (1000 * BATCH * CONNECTIONS) / Number(given.rate);
    for (let due = performance.now(); !isOver; due = Math.max(due + beat, performance.now() - beat)) {
      await pause(due - performance.now());
      const { request, judge } = running.next(worker, Math.random)!;
      const answer = await connection.send(request);
      if (judge(answer, parsed(answer)) === undefined) readings += BATCH;
      else faults++;
    }
    connection.close();
  };
  const senders = Array.from({ length: CONNECTIONS }, (_, worker) => send(worker));
  let before = { cpu: processSeconds([pid]), readings: 0 };
  for (let n = 1; n <= Number(given.samples); n++) {
    await pause(1000 * ((seconds * n) / Number(given.samples) - sinceThen()));
    const { all, anonymous } = residentMegabytes(pid);
    const now = { cpu: processSeconds([pid]), readings };
    const each = ((now.cpu - before.cpu) / Math.max(1, now.readings - before.readings)) * 1e6;
    rows.push([Math.round(sinceThen()), readings, all, anonymous, Math.round(each)]);
    before = now;
  }
  isOver = true;
  await Promise.all(senders);
  world.close();
} finally {
  await server.stop();
}
console.log(table(['seconds', 'readings', 'resident MB', 'of it anonymous MB', 'CPU us/reading'], rows));
// What is there from the middle on is what stays: caches are full by then.
const half = rows.slice(Math.floor(rows.length / 2)).map((row) => Number(row[3]));
const [first, last] = [
  Math.max(...half.slice(0, Math.ceil(half.length / 2))),
  Math.max(...half.slice(Math.floor(half.length / 2))),
];
console.log(
  `The largest of the last quarter is ${last} MB, of the quarter before ${first} MB; ${faults} wrong answers`,
);
process.exit(faults > 0 ? 1 : 0);
