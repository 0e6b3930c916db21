/** Issue 9: what judging a reading costs, by itself and beside the post that it stands in. `node_modules/.bin/node bench/alert-rules.ts --help` */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { flagVitals } from '../src/alerts/flag.ts';
import { followLimits } from '../src/alerts/stored-limits.ts';
import { loadLimits } from '../src/alerts/thresholds.ts';
import { createTrail } from '../src/audit/trail.ts';
import { openCore } from '../src/core.ts';
import { insideRequest, ofItself } from '../src/interactions/inside.ts';
import type { Derive } from '../src/interactions/interaction.ts';
import { remembered } from '../src/interactions/remembered.ts';
import { createLog } from '../src/log.ts';
import { openEngine } from '../src/open-engine.ts';
import { systemRuntime } from '../src/runtime.ts';
import { administrator } from '../src/smart/access.ts';
import { noLeases } from '../src/store/lease.ts';
import { quantile, rounded } from './measure.ts';

const HELP = `Posts normal heart rates one after another, in turn with the rules and without, and prints microseconds.

  --readings N    of each kind (default 2000)
  --patients N    whose they are (default 100)
  --stored N      ObservationDefinitions that are stored (default 5)
  --store URI     sqlite, or a mongodb:// URI whose database is filled (default sqlite)
  --folder PATH   scratch data, emptied first (default data/bench/alert-rules)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    readings: { type: 'string', default: '2000' },
    patients: { type: 'string', default: '100' },
    stored: { type: 'string', default: '5' },
    store: { type: 'string', default: 'sqlite' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'alert-rules') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const count = Number(given.readings);
const patients = Number(given.patients);
const canonical = 'https://example.org/fhir';
const base = 'http://127.0.0.1/fhir';
const UCUM = 'http://unitsofmeasure.org';

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const runtime = systemRuntime;
const log = createLog({ level: 'silent', runtime });
const stop = new AbortController();
const config = { store: given.store, data: given.folder, mongodbAcceptRelease: undefined };
const { engine } = await openEngine({ config, runtime, log, onCommit: () => undefined });
const rules = flagVitals(loadLimits(join(root, 'profiles')));
const nothing: Derive = async () => [];
let derive: Derive = rules;
const { dispatch, stopped } = await openCore({
  engine,
  trail: createTrail(engine, runtime, 'strict'),
  runtime,
  base,
  canonical,
  version: '0',
  pageKey: new Uint8Array(32),
  references: 'open',
  prepare: {},
  derive: () => ({ Observation: [(...all) => derive(...all)], ObservationDefinition: [followLimits] }),
  log,
  leases: noLeases,
  signal: stop.signal,
});

async function write(resource: any): Promise<void> {
  const incoming = { text: JSON.stringify(resource), resource };
  const { resourceType: type, id } = resource;
  const asked = { interaction: id === undefined ? 'create' : 'update', type, id: id ?? '', body: incoming } as const;
  const { status } = await dispatch(insideRequest(ofItself(base), asked), administrator);
  if (status >= 300) throw new Error(`${type} was answered ${status}`);
}
const reading = (i: number): any => ({
  resourceType: 'Observation',
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/p${i % patients}` },
  device: { reference: `Device/d${i % patients}` },
  effectiveDateTime: new Date(Date.now() - (count - (i % count)) * 10).toISOString(),
  valueQuantity: { value: 62 + (i % 30), unit: '/min', system: UCUM, code: '/min' },
});

for (let i = 0; i < patients; i++) await write({ resourceType: 'Patient', id: `p${i}`, birthDate: '1960-01-01' });
for (let i = 0; i < Number(given.stored); i++)
  await write({
    resourceType: 'ObservationDefinition',
    id: `s${i}`,
    identifier: [{ system: `${canonical}/sid/vital`, value: `own-${i}` }],
    code: { coding: [{ system: 'urn:bench', code: `${i}` }] },
    quantitativeDetails: { unit: { coding: [{ system: UCUM, code: '1' }] } },
    qualifiedInterval: [{ category: 'reference', range: { high: { value: 1, system: UCUM, code: '1' } } }],
  });

const timed = async (work: (i: number) => Promise<unknown>, i: number): Promise<number> => {
  const started = performance.now();
  await work(i);
  return (performance.now() - started) * 1_000;
};
const post = (with_: Derive) => (i: number) => {
  derive = with_;
  return write(reading(i));
};
const judge = (i: number) => {
  const after = reading(i);
  const key = { type: 'Observation', id: `o${i}` };
  const setting = { now: runtime.now(), canonical, caller: administrator };
  return rules({ key, before: undefined, after }, [], remembered(engine), setting);
};
const times = { withRules: [] as number[], without: [] as number[], judging: [] as number[] };
for (let i = 0; i < Math.min(count, 500); i++) await Promise.all([post(rules)(i), judge(i)]);
// In turn, and the turns in turn, so that what else the machine does meets both.
for (let i = 0; i < count; i++) {
  const order = i % 2 === 0 ? ([rules, nothing] as const) : ([nothing, rules] as const);
  for (const one of order) (one === rules ? times.withRules : times.without).push(await timed(post(one), i));
  times.judging.push(await timed(judge, i));
}

const said = (name: string, all: number[]) => {
  const sorted = all.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(34)} p50 ${rounded(quantile(sorted, 0.5), 0)} us   p99 ${rounded(quantile(sorted, 0.99), 0)} us`,
  );
  return quantile(sorted, 0.5);
};
const judging = said('judging one reading', times.judging);
const without = said('a post without the rules', times.without);
const whole = said('a post with the rules', times.withRules);
console.log(
  `the rules add ${rounded(((whole - without) / without) * 100, 1)} % to the median post, and are ${rounded((judging / whole) * 100, 1)} % of it by themselves`,
);
stop.abort();
await stopped;
await engine.close();
process.exit(0);
