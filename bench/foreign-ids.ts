/** Issue 7, I54: how long a foreign id takes beside one that nobody has, in interleaved pairs. `node_modules/.bin/node bench/foreign-ids.ts --help` */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { parseArgs } from 'node:util';
import { openAuthorizationHouse } from '../test/smart/authorization/authorization-house.ts';
import { codeFlow, tokenRequest } from '../test/smart/support/user-agent.ts';
import { quantile, rounded } from './measure.ts';

const HELP = `Starts a server of its own with Observations of a stranger, and reads ids of those and ids that nobody has, one after another,
with the token of an app that has another patient in context and with one whose scope has a query.

  --pairs N       per way and token (default 10000)
  --store URI     sqlite or mongodb (default sqlite)`;

const { values: given } = parseArgs({
  options: {
    pairs: { type: 'string', default: '10000' },
    store: { type: 'string', default: 'sqlite' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const pairs = Number(given.pairs);
/** Per cent by which the medians may differ. */
const LIMIT = 5;

const house = await openAuthorizationHouse({ store: given.store });
const { body: stranger } = await house.create({ resourceType: 'Patient', name: [{ family: 'Stranger' }] });
const foreign: string[] = [];
for (let from = 0; from < pairs; from += 500) {
  const ids = Array.from({ length: Math.min(500, pairs - from) }, () => randomUUID());
  foreign.push(...ids);
  const entries = ids.map((id) => ({
    request: { method: 'PUT', url: `Observation/${id}` },
    resource: {
      resourceType: 'Observation',
      id,
      status: 'final',
      code: { text: 'x' },
      category: [{ coding: [{ code: 'survey' }] }],
      subject: { reference: `Patient/${stranger.id}` },
    },
  }));
  const { status, text } = await house.transaction(entries);
  if (status !== 200) throw new Error(text);
}

const scope = 'launch/patient patient/*.rs offline_access';
async function patientToken(): Promise<string> {
  const app = await house.register({ scope });
  return (await codeFlow(house.url, { ...app, scope }, house.doctor)).body.access_token;
}
async function queryToken(): Promise<string> {
  const asked = {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Observation.rus?category=laboratory',
    token_endpoint_auth_method: 'client_secret_post',
  };
  const { clientId, secret } = await house.register(asked);
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret! };
  return (await tokenRequest(house.url, form)).body.access_token;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
/** Milliseconds to the last byte of a 404. */
const timed = (path: string, token: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const started = performance.now();
    const asked = request(`${house.url}/fhir/${path}`, { agent, headers: { authorization: `Bearer ${token}` } });
    asked.on('error', reject).on('response', (response) => {
      if (response.statusCode !== 404) reject(new Error(`${path}: ${response.statusCode}`));
      response.resume().on('end', () => resolve(performance.now() - started));
    });
    asked.end();
  });

const p50 = (times: readonly number[]) =>
  quantile(
    [...times].sort((a, b) => a - b),
    0.5,
  );
let isWide = false;
console.log('| way | foreign p50 us | missing p50 us | difference |\n|---|---:|---:|---:|');
for (const [who, make] of [
  ['patient in context', patientToken],
  ['scope with a query', queryToken],
] as const) {
  for (const after of ['', '/_history/1', '/_history']) {
    // Tokens live for minutes; each way has its own.
    const token = await make();
    const times: { foreign: number[]; missing: number[] } = { foreign: [], missing: [] };
    for (let i = 0; i < pairs; i++) {
      const both = [
        ['foreign', foreign[i]!],
        ['missing', randomUUID()],
      ] as const;
      for (const [kind, id] of i % 2 ? both : [...both].reverse()) {
        times[kind].push(await timed(`Observation/${id}${after}`, token));
      }
    }
    const [mine, none] = [p50(times.foreign) * 1_000, p50(times.missing) * 1_000];
    const difference = (mine / none - 1) * 100;
    if (Math.abs(difference) >= LIMIT) isWide = true;
    console.log(`| ${who}: read${after} | ${rounded(mine, 0)} | ${rounded(none, 0)} | ${difference.toFixed(1)} % |`);
  }
}
console.log(
  `\n${pairs} pairs each, one after another; to reach: less than ${LIMIT} %${isWide ? ', which is not reached' : ''}`,
);
agent.destroy();
await house.stop();
process.exit(isWide ? 1 : 0);
