/** A device that sends readings and repeats what was not answered, with a model of the alarms that follow. */
import type { Reply, ServerProcess } from '../support/process.ts';
import { acknowledge, type Ledger, say, wonder } from './ledger.ts';

interface Alarm {
  isOpen: boolean;
  isCritical: boolean;
  normals: number;
  /** So far. */
  episodes: number;
  raises: number;
}

/** Values of an adult: inside the limits, outside, and critical. profiles/ObservationDefinition-*.json */
const values = { heart_rate: ['72', '110', '140'], oxygen_saturation: ['98.0', '93.5', '88.0'] } as const;
type Vital = keyof typeof values;
type Severity = 0 | 1 | 2;
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
  readonly alarms: Readonly<Record<Vital, Alarm>>;
  /** The next reading, at the next minute. */
  post(server: ServerProcess): Promise<void>;
  /** A reading outside the limits of both vitals, and how many Flags it must open. */
  probe(server: ServerProcess): Promise<{ readonly expected: number; readonly reply: Reply }>;
  /** An old reading once more: 200 and the first id. */
  repeat(server: ServerProcess): Promise<void>;
}

/** What one more reading does, by the words of the promise: opened and raised Flags are counted. */
function follow(alarm: Alarm, severity: Severity): number {
  if (severity === 0) {
    if (alarm.isOpen && ++alarm.normals === 2) alarm.isOpen = false;
    return 0;
  }
  alarm.normals = 0;
  if (!alarm.isOpen) {
    Object.assign(alarm, { isOpen: true, isCritical: severity === 2, episodes: alarm.episodes + 1 });
    return 1;
  }
  if (severity < 2 || alarm.isCritical) return 0;
  Object.assign(alarm, { isCritical: true, raises: alarm.raises + 1 });
  return 1;
}

export function openDevice(
  ledger: Ledger,
  random: () => number,
  { id, patient, key, begin }: { id: string; patient: string; key: string; begin: number },
): Device {
  const readings: Reading[] = [];
  const quiet = (): Alarm => ({ isOpen: false, isCritical: false, normals: 0, episodes: 0, raises: 0 });
  const alarms: Record<Vital, Alarm> = { heart_rate: quiet(), oxygen_saturation: quiet() };
  const headers = { authorization: `Bearer ${key}` };
  const send = (server: ServerProcess, body: string) =>
    say(ledger, server, ['POST', '/api/iot/vitals/', body, headers]);
  let minutes = 0;

  function next(severities: Partial<Record<Vital, Severity>>): string {
    const timestamp = new Date(begin + minutes++ * MINUTE).toISOString();
    const fields = Object.entries(severities).map(
      ([vital, severity]) => `"${vital}":${values[vital as Vital][severity]}`,
    );
    return `{"device_id":"${id}","timestamp":"${timestamp}",${fields.join(',')}}`;
  }

  function followAll(severities: Partial<Record<Vital, Severity>>): number {
    let triggered = 0;
    for (const [vital, severity] of Object.entries(severities)) triggered += follow(alarms[vital as Vital], severity);
    return triggered;
  }

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
      const severities: Partial<Record<Vital, Severity>> = { heart_rate: severity() };
      if (random() < 0.4) severities.oxygen_saturation = severity();
      const body = next(severities);
      const count = Object.keys(severities).length;
      const reply = await send(server, body);
      if (reply?.status === 201) {
        acknowledge(ledger, 'reading');
        keep(body, reply, count);
        const expected = followAll(severities);
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
          followAll(severities);
        });
      }
    },
    async probe(server) {
      const severities = { heart_rate: 1, oxygen_saturation: 1 } as const;
      const body = next(severities);
      const expected = followAll(severities);
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
