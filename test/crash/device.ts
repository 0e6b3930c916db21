/** A device that sends readings and repeats what was not answered, with the alarms that must follow. */
import type { Reply, ServerProcess } from '../support/process.ts';
import { type Alarms, openAlarms, type Severity } from './alarms.ts';
import { acknowledge, type Ledger, say, wonder } from './ledger.ts';

/** Values of an adult: inside the limits and clear of the dead band, outside, and critical. docs/alerts.md */
const values = { heart_rate: ['72', '110', '140'], oxygen_saturation: ['98.0', '93.5', '88.0'] } as const;
type Vital = keyof typeof values;
type Severities = Partial<Record<Vital, Severity>>;
const MINUTE = 60_000;

interface Reading {
  readonly body: string;
  readonly id: number;
  /** Observations that it makes. */
  readonly observations: number;
}

export interface Device {
  readonly id: string;
  readonly patient: string;
  /** Acknowledged, oldest first. */
  readonly readings: readonly Reading[];
  readonly alarms: Alarms;
  /** The next reading, at the next minute. */
  post(server: ServerProcess): Promise<void>;
  /** A reading outside the limits of both vitals, and how many Flags it must open. */
  probe(server: ServerProcess): Promise<{ readonly expected: number; readonly reply: Reply }>;
  /** An old reading once more: 200 and the first id. */
  repeat(server: ServerProcess): Promise<void>;
}

export function openDevice(
  ledger: Ledger,
  random: () => number,
  { id, patient, key, begin }: { id: string; patient: string; key: string; begin: number },
): Device {
  const readings: Reading[] = [];
  const alarms = openAlarms();
  const headers = { authorization: `Bearer ${key}` };
  const send = (server: ServerProcess, body: string) =>
    say(ledger, server, ['POST', '/api/iot/vitals/', body, headers]);
  let minutes = 0;

  function next(severities: Severities): { readonly at: number; readonly body: string } {
    const at = begin + minutes++ * MINUTE;
    const fields = Object.entries(severities).map(
      ([vital, severity]) => `"${vital}":${values[vital as Vital][severity]}`,
    );
    return { at, body: `{"device_id":"${id}","timestamp":"${new Date(at).toISOString()}",${fields.join(',')}}` };
  }

  const followAll = (severities: Severities, at: number): number =>
    Object.entries(severities).reduce((sum, [vital, severity]) => sum + alarms.follow(vital, severity, at), 0);

  function keep(body: string, reply: Reply, observations: number): void {
    if (typeof reply.body?.vital_sign_id !== 'number') ledger.faults.push(`${id}: no vital_sign_id in ${reply.text}`);
    readings.push({ body, id: reply.body?.vital_sign_id, observations });
  }

  return {
    id,
    patient,
    readings,
    alarms,
    async post(server) {
      const severity = (): Severity => (random() < 0.6 ? 0 : random() < 0.7 ? 1 : 2);
      const severities: Severities = { heart_rate: severity() };
      if (random() < 0.4) severities.oxygen_saturation = severity();
      const { at, body } = next(severities);
      const count = Object.keys(severities).length;
      const reply = await send(server, body);
      if (reply?.status === 201) {
        acknowledge(ledger, 'reading');
        keep(body, reply, count);
        const expected = followAll(severities, at);
        if (reply.body.alerts_triggered !== expected) {
          ledger.faults.push(`${id}: ${reply.body.alerts_triggered} alerts where ${expected} were due, for ${body}`);
        }
      } else if (reply) {
        ledger.faults.push(`${id}: a new reading answered ${reply.status}: ${reply.text}`);
      } else {
        wonder(ledger, async (later) => {
          const again = await later.ask('POST', '/api/iot/vitals/', body, headers);
          if (again.status === 200) ledger.figures.stored++;
          else if (again.status !== 201) ledger.faults.push(`${id}: a retry answered ${again.status}: ${again.text}`);
          keep(body, again, count);
          followAll(severities, at);
        });
      }
    },
    async probe(server) {
      const severities = { heart_rate: 1, oxygen_saturation: 1 } as const;
      const { at, body } = next(severities);
      const expected = followAll(severities, at);
      const reply = await server.ask('POST', '/api/iot/vitals/', body, headers);
      keep(body, reply, 2);
      return { expected, reply };
    },
    async repeat(server) {
      const old = readings[Math.floor(random() * readings.length)];
      if (!old) return;
      const reply = await send(server, old.body);
      if (!reply) return;
      if (reply.status !== 200 || reply.body.vital_sign_id !== old.id || reply.body.alerts_triggered !== 0) {
        ledger.faults.push(`${id}: the repeat of ${old.id} answered ${reply.status}: ${reply.text}`);
      }
      acknowledge(ledger, 'repeat');
    },
  };
}
