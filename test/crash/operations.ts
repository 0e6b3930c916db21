/** What one of many clients does to a server that may die at any moment: each operation notes what was acknowledged, or how to find out. */
import type { ServerProcess } from '../support/process.ts';
import { acknowledge, type Ledger, say, searchAll, standing, versionOf, type Written, wonder } from './ledger.ts';

export const OPERATION = 'urn:k9:operation';
export const CONDITIONAL = 'urn:k9:conditional';
/** The code that a Subscription watches for. */
export const WATCHED = 'urn:k9:code|watched';

/** Resources of its own that a client goes on changing. */
const KEEPS = 12;

export interface Client {
  /** In the order of writing: `Observation/1|2` is version 2. What is watched is notified in this order. */
  readonly log: string[];
  create(server: ServerProcess): Promise<void>;
  /** Of a resource of its own, alive or deleted; half of the time with If-Match. */
  update(server: ServerProcess): Promise<void>;
  remove(server: ServerProcess): Promise<void>;
  /** Reads a counter that all share and writes one more, with If-Match. */
  count(server: ServerProcess): Promise<void>;
  /** If-None-Exist with an identifier that other clients use too. */
  createOnce(server: ServerProcess): Promise<void>;
  /** One Patient and three Observations that point to it; some end with an entry whose If-Match cannot hold. */
  transact(server: ServerProcess): Promise<void>;
}

const observation = (name: string, id: string | undefined, value: string, subject = ''): string =>
  `{"resourceType":"Observation",${id === undefined ? '' : `"id":"${id}",`}"identifier":[{"system":"${OPERATION}","value":"${name}"}],` +
  `"status":"final","code":{"coding":[{"system":"urn:k9:code","code":"watched"}],"text":"caf\\u00e9 \\/ ${name}"},${subject}"valueQuantity":{"value":${value}}}`;

const patient = (system: string, name: string): string =>
  `{"resourceType":"Patient","identifier":[{"system":"${system}","value":"${name}"}],"active":true,"name":[{"family":"K9"}]}`;

const counter = (id: string, name: string, value: number): string =>
  `{"resourceType":"Basic","id":"${id}","extension":[{"url":"urn:k9:count","valueInteger":${value}}],` +
  `"identifier":[{"system":"${OPERATION}","value":"${name}"}],"code":{"text":"counter"}}`;

export const counterOf = (resource: any): { readonly value: number; readonly name: string } => ({
  value: resource.extension[0].valueInteger,
  name: resource.identifier[0].value,
});

/** Makes the counters that all clients share, each at 0. */
export async function openCounters(ledger: Ledger, server: ServerProcess, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const name = ledger.name();
    const reply = await say(ledger, server, ['PUT', `/fhir/Basic/${id}`, counter(id, name, 0)]);
    if (reply?.status !== 201) throw new Error(`no counter: ${reply?.status} ${reply?.text}`);
    ledger.counters.set(id, { acknowledged: new Map([[1, name]]), unanswered: new Set() });
  }
}

export function openClient(ledger: Ledger, random: () => number): Client {
  const own: Written[] = [];
  const log: string[] = [];
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const digits = () => (random() * 200).toFixed(2);

  function noteNew(reference: string, text: string): Written {
    const written = { reference, versions: [text] };
    ledger.written.set(reference, written);
    if (reference.startsWith('Observation/')) log.push(`${reference}|1`);
    return written;
  }

  function noteNext(written: Written, text: string | undefined): void {
    written.versions.push(text);
    if (text !== undefined) log.push(`${written.reference}|${written.versions.length}`);
  }

  const located = (location: string): string =>
    /[A-Z][A-Za-z]+\/[A-Za-z0-9.-]+(?=\/_history\/1$)/.exec(location)?.[0] ?? '';

  /** After a crash: the version that was asked for is the newest, or the one before still is. */
  const nextOrNot = (written: Written, text: string | undefined) => async (server: ServerProcess) => {
    const fault = await standing(server, written);
    if (fault === undefined) return;
    noteNext(written, text);
    const other = await standing(server, written);
    if (other !== undefined) ledger.faults.push(`neither before nor after: ${fault}; ${other}`);
    ledger.figures.stored++;
  };

  return {
    log,
    async create(server) {
      const name = ledger.name();
      const text = observation(name, undefined, digits());
      const reply = await say(ledger, server, ['POST', '/fhir/Observation', text]);
      if (reply?.status === 201) {
        own.push(noteNew(located(reply.headers.location ?? ''), text));
        if (own.length > KEEPS) own.shift();
        acknowledge(ledger, 'create');
      } else if (reply) {
        ledger.faults.push(`a create answered ${reply.status}: ${reply.text}`);
      } else {
        wonder(ledger, async (later) => {
          const found = await searchAll(later, `Observation?identifier=${OPERATION}|${name}`);
          if (found.length > 1) ledger.faults.push(`${name} was created ${found.length} times`);
          if (found.length === 0) return;
          own.push(noteNew(`Observation/${found[0].id}`, text));
          ledger.figures.stored++;
        });
      }
    },

    async update(server) {
      if (own.length === 0) return;
      const written = pick(own);
      const wasAlive = written.versions.at(-1) !== undefined;
      const text = observation(ledger.name(), written.reference.split('/')[1], digits());
      const headers = wasAlive && random() < 0.5 ? { 'if-match': `W/"${written.versions.length}"` } : undefined;
      const reply = await say(ledger, server, ['PUT', `/fhir/${written.reference}`, text, headers]);
      if (!reply) return wonder(ledger, nextOrNot(written, text));
      noteNext(written, text);
      const due = [wasAlive ? 200 : 201, written.versions.length];
      if (reply.status !== due[0] || versionOf(reply) !== due[1]) {
        ledger.faults.push(
          `${written.reference}: an update to version ${due[1]} answered ${reply.status} ${reply.headers.etag}`,
        );
      }
      acknowledge(ledger, 'update');
    },

    async remove(server) {
      const alive = own.filter(({ versions }) => versions.at(-1) !== undefined);
      if (alive.length === 0) return;
      const written = pick(alive);
      const reply = await say(ledger, server, ['DELETE', `/fhir/${written.reference}`]);
      if (!reply) return wonder(ledger, nextOrNot(written, undefined));
      if (reply.status !== 204) ledger.faults.push(`${written.reference}: a delete answered ${reply.status}`);
      noteNext(written, undefined);
      acknowledge(ledger, 'delete');
    },

    async count(server) {
      const id = pick([...ledger.counters.keys()]);
      const { acknowledged, unanswered } = ledger.counters.get(id)!;
      const before = await say(ledger, server, ['GET', `/fhir/Basic/${id}`]);
      if (!before) return;
      acknowledge(ledger, 'read');
      const name = ledger.name();
      const text = counter(id, name, counterOf(before.body).value + 1);
      const reply = await say(ledger, server, ['PUT', `/fhir/Basic/${id}`, text, { 'if-match': before.headers.etag! }]);
      if (!reply) {
        unanswered.add(name);
        return wonder(ledger, async () => undefined); // its history tells, at the end
      }
      if (reply.status === 412) return;
      if (reply.status !== 200) ledger.faults.push(`Basic/${id}: an update answered ${reply.status}: ${reply.text}`);
      const version = versionOf(reply);
      if (acknowledged.has(version)) ledger.faults.push(`Basic/${id}: version ${version} was given to two clients`);
      acknowledged.set(version, name);
      acknowledge(ledger, 'counter');
    },

    async createOnce(server) {
      const value = `${server.pid}-${Math.floor(random() * 8)}`;
      const conditional = ledger.conditionals.get(value) ?? {
        text: patient(CONDITIONAL, value),
        ids: new Set<string>(),
        created: 0,
        unanswered: 0,
      };
      ledger.conditionals.set(value, conditional);
      const request = [
        'POST',
        '/fhir/Patient',
        conditional.text,
        { 'if-none-exist': `identifier=${CONDITIONAL}|${value}` },
      ] as const;
      const note = (reply: Awaited<ReturnType<typeof say>>) => {
        if (reply?.status === 201) conditional.created++;
        else if (reply?.status !== 200) ledger.faults.push(`If-None-Exist answered ${reply?.status}: ${reply?.text}`);
        conditional.ids.add(reply?.body.id);
      };
      const reply = await say(ledger, server, request);
      if (reply) {
        note(reply);
        acknowledge(ledger, 'conditional');
      } else {
        conditional.unanswered++;
        wonder(ledger, async (later) => note(await say(ledger, later, request)));
      }
    },

    async transact(server) {
      const name = ledger.name();
      const urn = `urn:uuid:00000000-0000-4000-8000-${name.slice(3).padStart(12, '0')}`;
      const isFaulty = random() < 0.1;
      const subject = (reference: string) => `"subject":{"reference":"${reference}"},`;
      const values = [digits(), digits(), digits()];
      const texts = (reference: string) =>
        values.map((value) => observation(name, undefined, value, subject(reference)));
      const entries = [
        `{"fullUrl":"${urn}","resource":${patient(OPERATION, name)},"request":{"method":"POST","url":"Patient"}}`,
        ...texts(urn).map((text) => `{"resource":${text},"request":{"method":"POST","url":"Observation"}}`),
      ];
      if (isFaulty) {
        const stale = counter('counter-0', name, 0);
        const request = JSON.stringify({ method: 'PUT', url: 'Basic/counter-0', ifMatch: 'W/"999999"' });
        entries.push(`{"resource":${stale},"request":${request}}`);
      }
      const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`;
      const keep = (references: readonly string[]) => {
        noteNew(references[0]!, patient(OPERATION, name));
        for (const [i, text] of texts(references[0]!).entries()) noteNew(references[i + 1]!, text);
      };
      const reply = await say(ledger, server, ['POST', '/fhir', bundle]);
      if (isFaulty) {
        ledger.refused.push(name);
        if (reply && reply.status !== 412)
          ledger.faults.push(`${name}: a transaction with a fault answered ${reply.status}`);
        if (reply) acknowledge(ledger, 'refused transaction');
        return;
      }
      if (reply?.status === 200) {
        keep(reply.body.entry.map(({ response }: any) => located(response.location)));
        acknowledge(ledger, 'transaction');
      } else if (reply) {
        ledger.faults.push(`a transaction answered ${reply.status}: ${reply.text}`);
      } else {
        wonder(ledger, async (later) => {
          const patients = await searchAll(later, `Patient?identifier=${OPERATION}|${name}`);
          const observations = await searchAll(later, `Observation?identifier=${OPERATION}|${name}`);
          if (patients.length === 0 && observations.length === 0) return;
          if (patients.length !== 1 || observations.length !== 3) {
            ledger.faults.push(
              `half a transaction: ${patients.length} of 1 Patient, ${observations.length} of 3 Observations`,
            );
            return;
          }
          const left = new Set(observations);
          const inOrder = values.map((value) => {
            const one = observations.find((o) => left.has(o) && o.valueQuantity.value === Number(value));
            left.delete(one);
            return `Observation/${one?.id}`;
          });
          keep([`Patient/${patients[0].id}`, ...inOrder]);
          ledger.figures.stored++;
        });
      }
    },
  };
}
