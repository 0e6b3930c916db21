/** `watchfire serve` and `watchfire demo`: starts the house, says where it is, and stops it in good order. */
import type { Config } from '../config.ts';
import { systemRuntime } from '../runtime.ts';
import { type House, startHouse } from '../server.ts';
import { loadDemo } from './demo-data.ts';
import { type Receiver, receive } from './receive.ts';
import { withServer } from './running.ts';

const example = (url: string, key: string, deviceId: string) =>
  `curl -sS ${url}/api/iot/vitals/ -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' ` +
  `-d '{"device_id":"${deviceId}","timestamp":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'","blood_pressure_systolic":182,"blood_pressure_diastolic":121}'`;

function sayWhere(
  house: House,
  config: Config,
  print: (line: string) => void,
  key = '<device key>',
  deviceId = 'DEV001',
): void {
  const token = house.adminTokenFile ? `$(cat ${house.adminTokenFile})` : '$WATCHFIRE_ADMIN_TOKEN';
  print('');
  print(`Watchfire is ready at ${house.url}`);
  print(`  FHIR base     ${house.url}/fhir`);
  print(`  Portal        ${house.url}/docs`);
  print(`  Admin token   ${house.adminTokenFile ? `in ${house.adminTokenFile}` : 'from WATCHFIRE_ADMIN_TOKEN'}`);
  print(`  Data          ${config.data}`);
  print('');
  print('Try:');
  print(`  curl -sS ${house.url}/fhir/metadata`);
  print(`  ${example(house.url, key, deviceId)}`);
  print(`  curl -sS "${house.url}/fhir/Flag?status=active" -H "Authorization: Bearer ${token}"`);
  print('');
}

async function startDemo(
  house: House,
  config: Config,
  receiver: Receiver,
  print: (line: string) => void,
): Promise<void> {
  const demo = await loadDemo(
    { url: house.url, token: house.adminToken, isRunning: true },
    config.canonical,
    `${receiver.url}/fhir`,
  );
  if (demo.secret) receiver.secrets.add(demo.secret);
  sayWhere(house, config, print, demo.key, demo.deviceId);
  print(
    `Demo: the key of ${demo.deviceId} stands in the second line; it is not shown again. An EHR listens at ${receiver.url} for active Flags:`,
  );
}

/** Serves until SIGTERM or SIGINT; a second signal ends at once. Leaves nothing open where the start fails. */
export async function serve(config: Config, withDemo: boolean, print: (line: string) => void): Promise<void> {
  const receiver = withDemo ? await receive(0, print, systemRuntime.now) : undefined;
  const allowed = receiver ? [...config.outboundAllow, new URL(receiver.url).host] : config.outboundAllow;
  let house: House | undefined;
  const close = async () => {
    await house?.stop();
    await receiver?.close();
  };
  let isStopping = false;
  const stop = () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        print(`watchfire: could not stop in good order: ${error instanceof Error ? error.message : 'unknown'}`);
        process.exit(1);
      },
    );
  };
  try {
    house = await startHouse({ ...config, outboundAllow: allowed });
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    if (receiver) await startDemo(house, config, receiver, print);
    else sayWhere(house, config, print);
  } catch (error) {
    await close();
    throw error;
  }
}

/** Loads demo data beside whatever is there. */
export async function demo(config: Config, endpoint: string | undefined, print: (line: string) => void): Promise<void> {
  const loaded = await withServer(config, (reached) => loadDemo(reached, config.canonical, endpoint));
  print(`Demo data is loaded. API key of ${loaded.deviceId}: ${loaded.key}`);
  print('It is not shown again; only its hash is kept.');
  if (loaded.secret) print(`Secret of Subscription/demo-ehr: ${loaded.secret}`);
}
