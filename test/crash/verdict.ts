/** After the last crash: holds a server against everything that its clients know, and its file against the audit trail that it owes. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ServerProcess } from '../support/process.ts';
import { sameContent } from '../support/same-content.ts';
import type { Device } from './device.ts';
import { type Ledger, searchAll, standing } from './ledger.ts';
import { type Client, CONDITIONAL, counterOf, OPERATION } from './operations.ts';
import type { Heard } from './receiver.ts';

/** Calls `work` for each item, sixteen at a time; the sentences that it gives. */
async function each<T>(items: Iterable<T>, work: (item: T) => Promise<string | undefined>): Promise<string[]> {
  const faults: string[] = [];
  const iterator = items[Symbol.iterator]();
  const walk = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      const fault = await work(next.value);
      if (fault !== undefined) faults.push(fault);
    }
  };
  await Promise.all(Array.from({ length: 16 }, walk));
  return faults;
}

const history = async (server: ServerProcess, reference: string): Promise<any[]> => {
  const versions: any[] = [];
  for (let next: string | undefined = `/fhir/${reference}/_history?_count=200`; next; ) {
    const { body } = await server.ask('GET', next);
    versions.push(...body.entry);
    next = body.link?.find((link: any) => link.relation === 'next')?.url;
  }
  return versions;
};

const rising = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const numberIn = (entry: any): number => Number(/^W\/"(\d+)"$/.exec(entry.response.etag)?.[1]);

/** Everything acknowledged reads back equal, and what was written more than once has all its versions. */
export const writtenFaults = (server: ServerProcess, { written }: Ledger): Promise<string[]> =>
  each(written.values(), async (one) => {
    const fault = await standing(server, one);
    if (fault !== undefined || one.versions.length === 1) return fault;
    const numbers = (await history(server, one.reference)).map(numberIn).reverse();
    if (numbers.join() !== rising(one.versions.length).join())
      return `${one.reference} has the versions ${numbers.join()}`;
    for (const [i, text] of one.versions.entries()) {
      if (text === undefined) continue;
      const old = await server.ask('GET', `/fhir/${one.reference}/_history/${i + 1}`);
      if (old.status !== 200 || !sameContent(text, old.text)) return `${one.reference} has lost version ${i + 1}`;
    }
    return undefined;
  });

/** Version n of a counter holds n - 1 and was written by one operation, which is the one that was told so. */
export const counterFaults = (server: ServerProcess, { counters }: Ledger): Promise<string[]> =>
  each(counters, async ([id, { acknowledged, unanswered }]) => {
    const versions = (await history(server, `Basic/${id}`)).reverse();
    const numbers = versions.map(numberIn);
    if (numbers.join() !== rising(numbers.length).join()) return `Basic/${id} has gaps`;
    if (Math.max(...acknowledged.keys()) > numbers.length) return `Basic/${id} has lost its newest versions`;
    for (const [i, { resource }] of versions.entries()) {
      const { value, name } = counterOf(resource);
      if (value !== i) return `Basic/${id} version ${i + 1} counts ${value}`;
      const due = acknowledged.get(i + 1);
      if (due === undefined ? !unanswered.has(name) : name !== due) return `Basic/${id} version ${i + 1} is of ${name}`;
    }
    return undefined;
  });

export const conditionalFaults = (server: ServerProcess, { conditionals }: Ledger): Promise<string[]> =>
  each(conditionals, async ([value, { ids, created, unanswered, text }]) => {
    const found = await searchAll(server, `Patient?identifier=${CONDITIONAL}|${value}`);
    if (found.length !== 1 || ids.size !== 1) return `${value} is there ${found.length} times and has ${ids.size} ids`;
    if (!ids.has(found[0].id)) return `${value} has another id than was told`;
    if (created > 1 || (created === 0 && unanswered === 0)) return `${value} was said to be created ${created} times`;
    return standing(server, { reference: `Patient/${found[0].id}`, versions: [text] });
  });

export const refusedFaults = (server: ServerProcess, { refused }: Ledger): Promise<string[]> =>
  each(refused, async (name) => {
    const patients = await searchAll(server, `Patient?identifier=${OPERATION}|${name}`);
    const observations = await searchAll(server, `Observation?identifier=${OPERATION}|${name}`);
    const count = patients.length + observations.length;
    return count === 0 ? undefined : `${count} entries of the refused transaction ${name} are there`;
  });

/** Readings once each; one Flag and one DetectedIssue for each alert that was due, active where it goes on; and the alarm goes on from there. */
export const deviceFaults = (server: ServerProcess, devices: readonly Device[]): Promise<string[]> =>
  each(devices, async (device) => {
    const due = device.alarms.figures();
    const observations = await searchAll(server, `Observation?subject=${device.patient}&_count=500`);
    const sent = device.readings.reduce((sum, reading) => sum + reading.observations, 0);
    const ids = new Set(observations.flatMap((o) => o.identifier.map((one: any) => `${one.system}|${one.value}`)));
    const lost = device.readings.filter(({ id }) => !ids.has(`https://example.org/fhir/sid/vital-sign|${id}`));
    if (observations.length !== sent || lost.length > 0)
      return `${device.id} has ${observations.length} of ${sent} Observations, ${lost.length} readings are missing`;
    const flags = await searchAll(server, `Flag?subject=${device.patient}&_count=500`);
    const issues = await searchAll(server, `DetectedIssue?patient=${device.patient}&_count=500`);
    if (flags.length !== due.flags || issues.length !== due.flags)
      return `${device.id} has ${flags.length} Flags and ${issues.length} DetectedIssues where ${due.flags} alerts were due`;
    const active = flags.filter(({ status }) => status === 'active').map(({ code }) => JSON.stringify(code));
    if (active.length !== due.active || new Set(active).size !== due.active)
      return `${device.id} has ${active.length} active Flags where ${due.active} were due`;
    const { expected, reply } = await device.probe(server);
    if (reply.body?.alerts_triggered !== expected)
      return `${device.id}: one more reading triggered ${reply.body?.alerts_triggered} alerts, not ${expected}`;
    return undefined;
  });

/** Each version that is watched was notified exactly once, versions of a resource in order, and what a client wrote in the order of its writing. */
export function notificationFaults({ written }: Ledger, clients: readonly Client[], heard: readonly Heard[]): string[] {
  const faults: string[] = [];
  const events = new Map<string, number>();
  const newest = new Map<string, number>();
  for (const [i, { reference, body }] of heard.entries()) {
    const version = Number(JSON.parse(body).meta.versionId);
    const name = `${reference}|${version}`;
    const text = written.get(reference)?.versions[version - 1];
    if (text === undefined) faults.push(`event ${i + 1} is about ${name}, which nobody wrote`);
    else if (!sameContent(text, body)) faults.push(`event ${i + 1} does not say what was written as ${name}`);
    if (events.has(name)) faults.push(`${name} is event ${events.get(name)} and ${i + 1}`);
    if (version <= (newest.get(reference) ?? 0)) faults.push(`${name} came after a newer version`);
    newest.set(reference, version);
    events.set(name, i + 1);
  }
  for (const { log } of clients) {
    let last = 0;
    for (const name of log) {
      const event = events.get(name);
      if (event === undefined) faults.push(`${name} was never notified`);
      else if (event < last) faults.push(`${name} came after what its client wrote later`);
      last = event ?? last;
    }
  }
  return faults;
}

/** The file of a server that has ended: sound, versions without gaps, and a row of the trail for every request that was answered. */
export function fileFaults(data: string, { answered }: Ledger): string[] {
  const database = new DatabaseSync(join(data, 'watchfire.db'), { readOnly: true });
  try {
    const faults: string[] = [];
    const check = database
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => String(Object.values(row)[0]));
    if (check.join() !== 'ok') faults.push(`integrity: ${check.join()}`);
    const gaps = database
      .prepare('SELECT count(*) AS n FROM (SELECT 1 FROM version GROUP BY resource HAVING count(*) <> max(version))')
      .get();
    if (gaps?.['n'] !== 0) faults.push(`${gaps?.['n']} resources have gaps in their versions`);
    const rows = new Set(
      database
        .prepare('SELECT request FROM audit')
        .all()
        .map(({ request }) => request),
    );
    const missing = answered.filter((name) => !rows.has(name));
    if (missing.length > 0) faults.push(`${missing.length} of ${answered.length} answered requests have no audit row`);
    return faults;
  } finally {
    database.close();
  }
}
