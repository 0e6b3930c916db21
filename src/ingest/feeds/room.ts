/** The feeds of the makers of implants: which there are, who is asked, and what others may ask of them. docs/feeds.md */
import type { Config } from '../../config.ts';
import { asProblem } from '../../fhir/outcome.ts';
import type { Log } from '../../log.ts';
import type { GuardedClient } from '../../outbound/guarded-client.ts';
import type { Credentials, Environment, MakerClient, MakerState } from '../../outbound/maker.ts';
import { createMakerClient } from '../../outbound/maker-client.ts';
import { wayFor } from '../../outbound/maker-token.ts';
import { baseUrlOf, environmentOf, makerName } from '../../protect/maker-settings.ts';
import type { Vault } from '../../protect/vault.ts';
import type { Runtime } from '../../runtime.ts';
import type { Leases } from '../../store/lease.ts';
import type { Store } from '../../store/store.ts';
import type { Implants } from '../implants/room.ts';
import type { TakeIn } from '../intake/take-in.ts';
import { acknowledgementChange, askForAcknowledgement } from './acknowledgements.ts';
import type { MakerDocument } from './document.ts';
import type { Feeds } from './feeds.ts';
import { type MakerFolder, settingOf } from './folders.ts';
import { askForJob, readJob } from './jobs.ts';
import { createReader, type Reader } from './reader.ts';
import { createSettle, createWelcome } from './settle.ts';
import { deviceStatuses, makerStatus } from './status.ts';
import { type Bell, type Ready, workOn } from './work.ts';

export interface FeedsParts {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly config: Pick<Config, 'makers' | 'pollSeconds' | 'canonical'>;
  readonly makers: ReadonlyMap<string, MakerFolder>;
  readonly vault: Pick<Vault, 'valid' | 'environment'>;
  /** Reaches the makers that are set up. */
  readonly client: GuardedClient;
  readonly implants: Pick<Implants, 'entriesOf'>;
  readonly takeIn: TakeIn;
  readonly leases: Pick<Leases, 'hold' | 'isShared'>;
  readonly log: Pick<Log, 'error' | 'info' | 'warn'>;
}

export interface FeedsRoom extends Feeds {
  /** Clients of the makers that this server has asked. */
  connections(): readonly { readonly maker: string; readonly environment: string; readonly state: MakerState }[];
  /** A credential of the maker was stored or removed: it is asked with it at once, where this server asks. */
  credentialChanged(maker: string): void;
}

const neverAsked: MakerState = { up: false, breaker: 'closed', calls: 0, retries: 0, failures: 0, tokens: 0 };

/** System of the ids that a maker gives its patients. */
export const patientSystem = (canonical: string, maker: string): string => `${canonical}/sid/${maker}-patient`;

export const readerOf = (document: MakerDocument, canonical: string): Reader =>
  createReader(document, patientSystem(canonical, document.name));

export function openFeedsOfMakers(parts: FeedsParts): FeedsRoom {
  const { store, runtime, config, makers, vault, leases } = parts;
  const settle = createSettle({ ...parts, canonical: config.canonical });
  const welcome = createWelcome(parts);
  const bells = new Map<string, Bell>();
  /** By maker that cannot be asked though it is set up: the environment. */
  const shut = new Map<string, Environment | 'unknown'>();
  const clients = new Map<
    string,
    { readonly base: string; readonly environment: Environment; readonly client: MakerClient }
  >();
  const names = [...makers.keys()];

  const notSet = (maker: string): string | undefined =>
    baseUrlOf(maker, config.makers) === undefined ? `${settingOf(maker)}_BASE_URL is not set` : undefined;

  /** One client as long as the same place is asked: it holds the token, the budget and the breaker. */
  function clientFor(maker: string, base: string, environment: Environment): MakerClient {
    const known = clients.get(maker);
    if (known?.base === base && known.environment === environment) return known.client;
    const { document, adapt } = makers.get(maker)!;
    const plain = createMakerClient({
      name: maker,
      base,
      auth: document.auth,
      credentials: () => vault.valid(maker, environment),
      transport: parts.client,
      runtime,
      limits: document.limits,
    });
    const client = adapt ? adapt(plain, document) : plain;
    clients.set(maker, { base, environment, client });
    return client;
  }

  async function ready(maker: string): Promise<Ready> {
    const base = baseUrlOf(maker, config.makers);
    if (base === undefined) return { state: 'off', why: notSet(maker)! };
    const environment = await environmentOf(maker, config.makers, vault);
    let held: Credentials | undefined;
    try {
      [held] = environment === undefined ? [] : await vault.valid(maker, environment);
      shut.delete(maker);
    } catch (error) {
      const { code, message: why } = asProblem(error);
      if (code === 'exception') throw error;
      shut.set(maker, environment ?? 'unknown');
      return { state: 'failing', why };
    }
    if (environment === undefined || held === undefined) {
      const of = environment === undefined ? '' : ` for ${environment}`;
      return { state: 'no-credential', why: `No credential is stored${of}` };
    }
    const { document } = makers.get(maker)!;
    if (wayFor(document.auth, held) === undefined)
      return { state: 'no-credential', why: 'The stored credential holds too little for this maker' };
    const client = clientFor(maker, base, environment);
    const reader = readerOf(document, config.canonical);
    return { environment, asking: { document, reader, client, base, store, runtime, settle, welcome } };
  }

  for (const maker of names) {
    if (notSet(maker) !== undefined) continue;
    const bell: Bell = { ring: () => undefined, poll: () => undefined, report: () => undefined };
    bells.set(maker, bell);
    leases.hold(`feed/${maker}`, (held) =>
      workOn(
        {
          maker,
          store,
          runtime,
          log: parts.log,
          pollSeconds: config.pollSeconds,
          systemOfPatients: patientSystem(config.canonical, maker),
          ready: () => ready(maker),
          isShared: leases.isShared,
          hasReports: makers.get(maker)!.document.endpoints.report !== undefined,
          bell,
        },
        held,
      ),
    );
  }
  const ring = () => {
    for (const bell of bells.values()) bell.ring();
  };

  return {
    makers: () => names,
    makerOf(name) {
      const folder = makerName(name.trim()).replaceAll(' ', '-');
      return makers.has(folder) ? folder : undefined;
    },
    async ingest(patient) {
      const able = await Promise.all(
        [...bells.keys()].map(async (maker) => ({ maker, is: 'asking' in (await ready(maker)) })),
      );
      const job = await askForJob(
        { store, runtime },
        patient,
        able.filter(({ is }) => is).map(({ maker }) => maker),
      );
      ring();
      return job;
    },
    job: (id) => readJob(store, id),
    status: () => Promise.all(names.map((maker) => makerStatus(store, maker, runtime.now(), notSet(maker)))),
    devices: (maker, after, limit = 100) => deviceStatuses(store, maker, after, limit),
    async acknowledge(maker, alert, device) {
      await askForAcknowledgement(store, acknowledgementChange(maker, alert, device, runtime.now()));
      ring();
    },
    acknowledgement: (maker, alert, device) => acknowledgementChange(maker, alert, device, runtime.now()),
    connections: () => [
      ...[...clients].flatMap(([maker, { environment, client }]) =>
        shut.has(maker) ? [] : [{ maker, environment, state: client.state() }],
      ),
      ...[...shut].map(([maker, environment]) => ({
        maker,
        environment,
        state: { ...(clients.get(maker)?.client.state() ?? neverAsked), up: false },
      })),
    ],
    credentialChanged: (maker) => bells.get(maker)?.poll(),
  };
}
