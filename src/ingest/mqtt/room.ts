/** MQTT for device gateways: the port, with or without TLS, the broker behind it, and its end. docs/device-guide.md */
import { appended } from '../../audit/trail.ts';
import { asProblem } from '../../fhir/outcome.ts';
import type { Log } from '../../log.ts';
import type { Measure } from '../../measure.ts';
import type { Runtime } from '../../runtime.ts';
import type { FeedSettings } from '../../settings/feeds.ts';
import type { ServerSettings } from '../../settings/server.ts';
import { NotIdentified } from '../../smart/identify.ts';
import type { Store } from '../../store/store.ts';
import { openPort } from '../port.ts';
import type { KeepRefused } from '../refused-vitals.ts';
import type { Vitals } from '../vitals.ts';
import { type AdmissionParts, type Admitted, createAdmission } from './admission.ts';
import { openBroker } from './broker.ts';
import { createPublish } from './publication.ts';

export interface MqttParts {
  readonly config: Pick<FeedSettings, 'mqttPort' | 'mqttCertificate' | 'mqttKey'> & Pick<ServerSettings, 'host'>;
  readonly store: Store;
  readonly identify: AdmissionParts['identify'];
  readonly vitals: Vitals;
  readonly keepRefused: KeepRefused;
  readonly runtime: Runtime;
  readonly base: string;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** It is here for one command. */
  readonly isBrief: boolean;
}

export interface Mqtt {
  readonly measures: readonly Measure[];
  readonly connections: () => number;
  /** After the signal: resolves when what was published is stored or refused, and the port is closed. */
  readonly stopped: Promise<unknown>;
}

/** A revoked key is noticed within five seconds: identify remembers for some of them on other servers. */
const RECHECK_MILLISECONDS = 2_000;

/** Nothing where no port is set. Rejects with a ConfigError where the port or the certificate cannot be had. */
export async function openMqtt(parts: MqttParts): Promise<Mqtt | undefined> {
  const { config, store, runtime, log, signal, isBrief } = parts;
  const { mqttPort: port, mqttCertificate: certificate, mqttKey: key, host } = config;
  if (port === undefined || isBrief) return undefined;

  function refused(what: string, error: unknown, source: string, device?: Admitted): void {
    const isTold = error instanceof NotIdentified;
    const row = {
      at: runtime.now(),
      who: device?.caller.who ?? 'anonymous',
      key: device?.caller.key ?? (isTold ? error.key : ''),
      interaction: 'mqtt',
      action: 'E',
      target: device ? `Device/${device.key.id}` : '',
      patients: '',
      status: isTold ? 401 : 403,
      requestId: '',
      address: source,
      query: '',
      reason: isTold ? error.reason : what === 'mqtt-connect' ? asProblem(error).message : what,
    };
    store.commit([appended(row)]).catch((fault) => log.error('a refusal by MQTT was not recorded', fault));
  }

  const broker = await openBroker({
    admit: createAdmission(parts),
    publish: createPublish(parts),
    refused,
    failed: (error) => log.error('a message by MQTT was not taken in', error),
  });

  const listening = await openPort({ settings: 'WATCHFIRE_MQTT', port, host, certificate, key }, (socket) => {
    socket.setNoDelay(true);
    broker.handle(socket);
  }).catch(async (error) => {
    await broker.close();
    throw error;
  });
  log.info(`taking in readings by MQTT ${listening.isTls ? 'over TLS' : 'without TLS'}`, { port: listening.port });

  const watching = (async () => {
    while (!signal.aborted) {
      await runtime.sleep(RECHECK_MILLISECONDS, signal);
      if (!signal.aborted) await broker.recheck();
    }
    const closed = listening.close();
    await broker.close();
    listening.cut();
    await closed;
  })();
  const connections: Measure = {
    name: 'mqtt_connections',
    help: 'Devices and gateways that are connected by MQTT.',
    kind: 'gauge',
    labels: [],
    read: () => [{ labels: {}, value: broker.connections() }],
  };
  return { measures: [connections], connections: broker.connections, stopped: watching };
}
