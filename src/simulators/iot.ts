/** `watchfire simulate iot`: as many devices as asked post realistic vital signs through the IoT door, with a line of progress. */
import { ask, type Reached, withServer } from '../commands/running.ts';
import type { Config } from '../config.ts';
import type { Runtime } from '../runtime.ts';
import { drawn } from './chance.ts';
import { type Vitals, vitals } from './vitals.ts';

export interface SimulateOptions {
  readonly devices: number;
  /** Readings that each device sends. */
  readonly readings: number;
  /** Seconds between two readings of a device; 0 sends as fast as the server answers. */
  readonly every: number;
  readonly seed: number;
}

interface Simulated {
  readonly deviceId: string;
  readonly key: string;
  readonly readings: Iterator<Vitals, never>;
}

async function prepare(
  reached: Reached,
  canonical: string,
  count: number,
  seed: number,
  progress: (text: string) => void,
): Promise<Simulated[]> {
  const simulated: Simulated[] = [];
  for (let i = 1; i <= count; i++) {
    const number = String(i).padStart(4, '0');
    const deviceId = `SIM${number}`;
    const meta = { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HTEST' }] };
    const patient = {
      resourceType: 'Patient',
      id: `sim-p${number}`,
      meta,
      identifier: [{ system: `${canonical}/sid/patient`, value: `SIM-P${number}` }],
      birthDate: `${1935 + Math.floor(55 * drawn(seed, 'born', i))}-06-15`,
    };
    const device = {
      resourceType: 'Device',
      id: `sim-d${number}`,
      meta,
      identifier: [{ system: `${canonical}/sid/device`, value: deviceId }],
      status: 'active',
      patient: { reference: `Patient/${patient.id}` },
    };
    const entry = [patient, device].map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    await ask(reached, 'POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry });
    const { key } = await ask(reached, 'POST', `/admin/devices/${deviceId}/keys`, {
      key_name: 'simulation',
      expires_in_days: 1,
    });
    simulated.push({
      deviceId,
      key,
      readings: vitals(seed, i),
    });
    progress(`preparing devices ${i}/${count}`);
  }
  return simulated;
}

/** Posts and counts. Stops early when the signal aborts. */
export async function simulate(
  config: Config,
  { devices, readings, every, seed }: SimulateOptions,
  runtime: Runtime,
  progress: (text: string, isLast?: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  await withServer(config, async (reached) => {
    if (!reached.isRunning) throw new Error('no server runs on this data folder; start one with npm start');
    const simulated = await prepare(reached, config.canonical, devices, seed, progress);
    const began = runtime.now();
    const count = { sent: 0, refused: 0, alerts: 0 };
    const line = (isLast = false) => {
      const seconds = Math.max(0.001, (runtime.now() - began) / 1_000);
      progress(
        `${count.sent}/${devices * readings} readings, ${Math.round(count.sent / seconds)} a second, ${count.alerts} alerts, ${count.refused} refused`,
        isLast,
      );
    };
    const one = async (device: Simulated) => {
      for (let n = 0; n < readings && !signal.aborted; n++) {
        const response = await fetch(`${reached.url}/api/iot/vitals/`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${device.key}`, 'Content-Type': 'application/json' },
          body: JSON.stringify({
            device_id: device.deviceId,
            timestamp: new Date(runtime.now()).toISOString(),
            ...device.readings.next().value,
          }),
        });
        const answer = (await response.json()) as { success?: boolean; alerts_triggered?: number };
        count.sent++;
        if (!answer.success) count.refused++;
        count.alerts += answer.alerts_triggered ?? 0;
        line();
        if (every > 0) await runtime.sleep(every * 1_000, signal);
      }
    };
    await Promise.all(simulated.map(one));
    line(true);
  });
}
