/** One of several processes that create the same things at the same time; run as `racer.ts <url> <token> <number> <identifiers> <times>`. */
import { createInterface } from 'node:readline';

/** What one answer said: its HTTP status or that of its entry, and the Patient that it named. */
export interface Finish {
  readonly identifier: number;
  readonly status: number;
  readonly patient: string;
}

export const RACE = 'urn:race';

const [url, token, number, identifiers, times] = process.argv.slice(2);
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' };
const idIn = (location: string | null | undefined): string =>
  /Patient\/([A-Za-z0-9.-]+)/.exec(location ?? '')?.[1] ?? '';
const patientOf = (identifier: number) => ({
  resourceType: 'Patient',
  identifier: [{ system: RACE, value: String(identifier) }],
});

async function alone(identifier: number): Promise<Finish> {
  const response = await fetch(`${url}/fhir/Patient`, {
    method: 'POST',
    headers: { ...headers, 'if-none-exist': `identifier=${RACE}|${identifier}`, prefer: 'return=minimal' },
    body: JSON.stringify(patientOf(identifier)),
  });
  await response.arrayBuffer();
  return { identifier, status: response.status, patient: idIn(response.headers.get('location')) };
}

/** The Patient and an Observation that points to it, whoever made it. */
async function together(identifier: number): Promise<Finish> {
  const urn = 'urn:uuid:00000000-0000-4000-8000-000000000001';
  const observation = {
    resourceType: 'Observation',
    identifier: [{ system: RACE, value: String(identifier) }],
    status: 'final',
    code: { text: 'race' },
    subject: { reference: urn },
  };
  const ifNoneExist = `identifier=${RACE}|${identifier}`;
  const entry = [
    { fullUrl: urn, resource: patientOf(identifier), request: { method: 'POST', url: 'Patient', ifNoneExist } },
    { resource: observation, request: { method: 'POST', url: 'Observation' } },
  ];
  const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
  const response = await fetch(`${url}/fhir`, { method: 'POST', headers, body });
  const answer: any = await response.json();
  if (response.status !== 200) return { identifier, status: response.status, patient: '' };
  const { status, location } = answer.entry[0].response;
  return { identifier, status: Number.parseInt(status, 10), patient: idIn(location) };
}

/** Four identifiers at a time, each so many times at once; all processes take them in the same order. */
async function race(): Promise<Finish[]> {
  const finishes: Finish[] = [];
  let next = 0;
  const lane = async () => {
    for (let identifier = next++; identifier < Number(identifiers); identifier = next++) {
      const tries = Array.from({ length: Number(times) }, (_, i) =>
        (i + Number(number)) % 2 === 0 ? alone(identifier) : together(identifier),
      );
      finishes.push(...(await Promise.all(tries)));
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return finishes;
}

if (import.meta.main) {
  process.stdout.write('ready\n');
  for await (const _go of createInterface({ input: process.stdin })) break;
  // What is not yet in the pipe when a process exits is lost.
  process.stdout.write(`${JSON.stringify(await race())}\n`, () => process.exit(0));
}
