/** The load driver: `npm run bench -- --base http://127.0.0.1:8080/fhir --token ...` fills a server, measures operation after operation, checks every answer. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Figure, faulty, measure } from './measure.ts';
import { figureTable, OPERATIONS, operationNamed } from './report.ts';
import { settle } from './world.ts';

const HELP = `Measures a FHIR R4 server in a closed loop and checks every answer.

  npm run bench -- --base URL [options]

  --base URL         FHIR base, for example http://127.0.0.1:8080/fhir
  --token TOKEN      bearer token with every right under the base and on the admin routes (default: WATCHFIRE_ADMIN_TOKEN)
  --concurrency N    connections, one request in flight on each (default 16)
  --duration S       measured seconds per operation (default 3)
  --warmup S         seconds before them (default 1)
  --ops a,b,...      operations, in this order (default: all)
  --patients N       patients whose readings are read (default 60)
  --hours N          readings of each of the five vitals per patient, at least 24 (default 60)
  --seed N           same seed, same data and same requests (default 1)
  --pid P,Q          server processes: CPU per request, threads and children included (Linux)
  --out FILE         also write the figures as JSON
  --help             this page

Operations: ${OPERATIONS.map(({ name }) => name).join(' ')}
            and against the bare HTTP floor only: bare bare-post

Ends with status 1 when an answer was wrong or a write could not be read back, 2 when it was called wrongly.`;

function usage(message: string): never {
  console.error(`${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        base: { type: 'string' },
        token: { type: 'string', default: process.env['WATCHFIRE_ADMIN_TOKEN'] ?? '' },
        concurrency: { type: 'string', default: '16' },
        duration: { type: 'string', default: '3' },
        warmup: { type: 'string', default: '1' },
        ops: { type: 'string' },
        patients: { type: 'string', default: '60' },
        hours: { type: 'string', default: '60' },
        seed: { type: 'string', default: '1' },
        pid: { type: 'string', default: '' },
        out: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    usage((error as Error).message);
  }
}

const given = options();
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const numberOf = (name: 'concurrency' | 'duration' | 'warmup' | 'patients' | 'hours' | 'seed', least: number) => {
  const value = Number(given[name]);
  return value >= least ? value : usage(`--${name} is a number of at least ${least}`);
};
const base = given.base?.replace(/\/$/, '') ?? usage('--base is missing');
const operations = given.ops
  ? given.ops.split(',').map((name) => operationNamed(name) ?? usage(`there is no operation "${name}"`))
  : OPERATIONS;
const load = {
  concurrency: numberOf('concurrency', 1),
  seconds: numberOf('duration', 0.1),
  warmUp: numberOf('warmup', 0),
  seed: numberOf('seed', 0),
  pids: given.pid.split(',').filter(Boolean).map(Number),
  progress: (operation: string, answers: number, seconds: number) =>
    say(`${operation} ${seconds.toFixed(1)} s, ${Math.round(answers / seconds)} right answers/s`),
};

/** One line that replaces itself on a terminal; elsewhere only whole lines are kept. */
function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

function tell(line: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
}

const bareOnly = operations.every(({ name }) => name.startsWith('bare'));
say('filling the server ...');
const world = await settle({
  base,
  token: given.token,
  seed: load.seed,
  concurrency: bareOnly ? 0 : load.concurrency,
  patients: bareOnly ? 0 : numberOf('patients', 1),
  hours: numberOf('hours', 24),
  nonce: Date.now().toString(36),
});
const { resources, seconds } = world.seeding;
if (!bareOnly)
  tell(`filled with ${resources} resources in ${seconds.toFixed(1)} s, ${Math.round(resources / seconds)}/s`);

const figures: Figure[] = [];
for (const operation of operations) {
  const figure = await measure(operation, world, load);
  figures.push(figure);
  const { perSecond, p50, p99, wrong, complaints } = figure;
  tell(
    `${operation.name.padEnd(12)} ${perSecond}/s  p50 ${p50} ms  p99 ${p99} ms  wrong ${wrong} ${complaints.join('; ')}`,
  );
}
world.close();

if (given.out) {
  const machine = { node: process.version, cores: availableParallelism(), cpu: cpus()[0]?.model };
  const { concurrency, seed, warmUp } = load;
  const run = { when: new Date().toISOString(), base, concurrency, seed, seconds: load.seconds, warmUp };
  const checks = Object.fromEntries(operations.map(({ name, checks }) => [name, checks]));
  writeFileSync(
    given.out,
    `${JSON.stringify({ run, machine, seeding: world.seeding, figures, checks }, undefined, 1)}\n`,
  );
}
console.log(figureTable(figures));
process.exit(figures.some(faulty) ? 1 : 0);
