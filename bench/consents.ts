/** Issue 7: what Consents of many patients cost a search, as lists and as a chain over Consents. `node_modules/.bin/node bench/consents.ts --help` */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { narrow } from '../src/interactions/narrow.ts';
import { openEngine } from '../src/open-engine.ts';
import { systemRuntime } from '../src/runtime.ts';
import { extract, extractorAt } from '../src/search/extract.ts';
import { parseSearch } from '../src/search/parse.ts';
import type { Criterion, SearchQuery } from '../src/search/query.ts';
import { createConsents } from '../src/smart/consents/room.ts';
import type { Grant } from '../src/smart/grant.ts';
import { readPolicies } from '../src/smart/policies/policy.ts';
import { createAccessRoom } from '../src/smart/policies/room.ts';
import { scopesOf } from '../src/smart/scopes/words.ts';
import { quantile, rounded } from './measure.ts';

const HELP = `Fills a store of its own: half of its patients deny one client. Then that client searches.

  --patients N    who deny (default 10000); there are as many who do not, and five Observations of each
  --store URI     sqlite, or a mongodb:// URI whose database is filled (default sqlite)
  --folder PATH   scratch data, emptied first (default data/bench/consents)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    patients: { type: 'string', default: '10000' },
    store: { type: 'string', default: 'sqlite' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'consents') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const base = 'http://127.0.0.1/fhir';
const AT_ONCE = 500;
const TIMES = 15;

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const log = { warn: console.error, error: console.error };
const config = { store: given.store, data: given.folder, mongodbAcceptRelease: undefined };
const { engine: store } = await openEngine({ config, runtime: systemRuntime, log, onCommit: () => undefined });

async function fill(count: number, make: (i: number) => any): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const resources = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => make(from + i));
    await store.commit(
      resources.map((resource) => ({
        op: 'write',
        key: { type: resource.resourceType, id: resource.id },
        method: 'PUT',
        text: [`${JSON.stringify(resource).slice(0, -1)},"meta":{`, '}}'],
        index: extract(resource),
        expect: 'any',
      })),
    );
  }
}

const denying = Number(given.patients);
const reference = (to: string) => ({ reference: to });
await fill(2 * denying, (i) => ({ resourceType: 'Patient', id: `p${i}`, name: [{ family: `f${i % 100}` }] }));
await fill(10 * denying, (i) => ({
  resourceType: 'Observation',
  id: `o${i}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: `${i % 5}` }] },
  subject: reference(`Patient/p${i % (2 * denying)}`),
  effectiveDateTime: new Date(1.7e12 + i * 60_000).toISOString(),
}));
await fill(denying, (i) => ({
  resourceType: 'Consent',
  id: `c${i}`,
  status: 'active',
  scope: { coding: [{ code: 'patient-privacy' }] },
  patient: reference(`Patient/p${2 * i}`),
  provision: { type: 'deny', actor: [{ reference: reference('Device/backend') }] },
}));

const grant: Grant = {
  who: 'Client/backend',
  client: 'backend',
  roles: ['service'],
  scopes: scopesOf('system/*.rs'),
  token: 'bench',
};
const canonical = 'https://bench.example.org/fhir';
const parts = { store, base, canonical, extract: extractorAt(base), runtime: systemRuntime, policies: readPolicies() };
const consents = createConsents({ store, base, runtime: systemRuntime, mode: 'deny-list' });
const [plain, room] = [createAccessRoom(parts), createAccessRoom({ ...parts, consents })];
const timed = async <T>(work: () => Promise<T>) => {
  const started = performance.now();
  const result = await work();
  return { result, milliseconds: performance.now() - started };
};
const first = await timed(() => room.accessFor(grant));
room.forget();
const next = await timed(() => room.accessFor(grant));
console.log(
  `rights worked out: ${rounded(first.milliseconds, 1)} ms the first time, then ${rounded(next.milliseconds, 1)}`,
);

const denies: Criterion = {
  is: 'all',
  of: [
    { is: 'key', name: 'Consent.status', first: 'active', second: '' },
    { is: 'reference', name: 'Consent.actor', target: 'Device/backend' },
  ],
};
const denied: Criterion = { is: 'referred', type: 'Consent', name: 'Consent.patient', where: denies };
const chained = (query: SearchQuery): SearchQuery => {
  const of: Criterion =
    query.type === 'Patient' ? denied : { is: 'refers', name: `${query.type}.subject`, type: 'Patient', where: denied };
  return { ...query, where: { is: 'all', of: [query.where, { is: 'not', of }] } };
};
const [without, withLists] = [await plain.accessFor(grant), next.result];
const ways: Record<string, (query: SearchQuery) => SearchQuery> = {
  without: (query) => narrow(query, without),
  lists: (query) => narrow(query, withLists),
  chain: (query) => chained(narrow(query, without)),
};
const searches = [
  'Observation?code=http://loinc.org|1&_sort=-date&_count=50',
  'Observation?patient=p1&_count=50',
  'Observation?code=http://loinc.org|1&_summary=count',
  'Patient?family=f7&_count=50',
  'Observation?code=http://loinc.org|1&_sort=-date&_count=50&_include=Observation:subject',
];
console.log(`| search, median ms | ${Object.keys(ways).join(' | ')} |\n|---|${'---:|'.repeat(3)}`);
for (const search of searches) {
  const [type, parameters] = search.split('?') as [string, string];
  const { query } = parseSearch(type, [...new URLSearchParams(parameters)], { strict: true, base });
  const cells: string[] = [];
  for (const way of Object.values(ways)) {
    const times: number[] = [];
    for (let i = 0; i < TIMES; i++) times.push((await timed(() => store.search(way(query), undefined))).milliseconds);
    cells.push(
      rounded(
        quantile(
          times.sort((a, b) => a - b),
          0.5,
        )!,
        2,
      ).toString(),
    );
  }
  console.log(`| \`${search}\` | ${cells.join(' | ')} |`);
}
await store.close();
rmSync(given.folder, { recursive: true, force: true });
