/** What comes in besides FHIR, on one page: the device door, and the feeds beside it. Stands beside core.ts; docs/decisions/0011-two-pages-of-wiring.md */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import type { AccessRooms } from './access-rooms.ts';
import type { Thresholds } from './alerts/thresholds.ts';
import type { Config } from './config.ts';
import { feedsApi } from './console/feeds/api.ts';
import type { Door } from './console/feeds/status.ts';
import { adminFileDropRouter } from './http/admin-file-drop.ts';
import { adminQuarantineRouter } from './http/admin-quarantine.ts';
import { identified } from './http/app.ts';
import type { Metrics } from './http/metrics.ts';
import { createIngest } from './ingest/apply.ts';
import { retryRow } from './ingest/feeds/again.ts';
import { loadMakers } from './ingest/feeds/folders.ts';
import { feedMeasures } from './ingest/feeds/measures.ts';
import { openFeedsOfMakers, readerOf } from './ingest/feeds/room.ts';
import { fileDropMeasures } from './ingest/file-drop/measures.ts';
import { type FileDrop, openFileDrop } from './ingest/file-drop/room.ts';
import { mapMessage } from './ingest/hl7v2/maps/map.ts';
import { openHl7v2 } from './ingest/hl7v2/wire/room.ts';
import { createImplants } from './ingest/implants/room.ts';
import { createQuarantine, type Retry } from './ingest/intake/quarantine.ts';
import { createTakeIn } from './ingest/intake/take-in.ts';
import { createToldOf } from './ingest/intake/unusable.ts';
import { loadMapping } from './ingest/mapping.ts';
import { mqttFeed } from './ingest/mqtt/publication.ts';
import { openMqtt } from './ingest/mqtt/room.ts';
import { createKeepRefused } from './ingest/refused-vitals.ts';
import { retryVitals } from './ingest/retry-vitals.ts';
import { createTally, tallied } from './ingest/tally.ts';
import { createVitals } from './ingest/vitals.ts';
import type { Dispatch } from './interactions/interaction.ts';
import type { Log } from './log.ts';
import type { GuardedClient } from './outbound/guarded-client.ts';
import { makerMeasures } from './outbound/maker-measures.ts';
import { openVault } from './protect/open.ts';
import type { Runtime } from './runtime.ts';
import { type Leases, noLeases } from './store/lease.ts';
import type { Store } from './store/store.ts';
import { adminCredentialsRouter, credentialsRouter } from './translators/cardiac/credentials.ts';
import { cardiacRouter } from './translators/cardiac/router.ts';
import { hl7v2Router } from './translators/hl7v2.ts';
import { iotRouter } from './translators/iot.ts';
import { tablesRouter } from './translators/tables/router.ts';

export interface FeedParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  readonly config: Config;
  /** Absolute URL of the FHIR base, without a trailing slash. */
  readonly base: string;
  readonly thresholds: Thresholds;
  readonly identify: AccessRooms['identify'];
  readonly client: GuardedClient;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly leases: Leases;
  /** Aborts when the server stops: nothing new is taken in. */
  readonly signal: AbortSignal;
  /** It is here for one command: nothing is taken in that this does not ask for. */
  readonly isBrief: boolean;
}

export interface FeedRooms {
  readonly rooms: readonly { readonly path: string; readonly room: RequestHandler }[];
  /** For the administrator, below /admin. */
  readonly adminRooms: readonly RequestHandler[];
  /** After the signal: resolves when what was being taken in is stored or refused. */
  readonly stopped: Promise<unknown>;
}

const portOf = (port: number | undefined, door: { connections(): number } | undefined) =>
  port === undefined || door === undefined ? {} : { port, connections: door.connections() };

function filesOf(drop: FileDrop | undefined): Pick<Door, 'tallied' | 'waiting'> {
  if (!drop) return { tallied: { success: 0, failure: 0, duplicate: 0 } };
  const { processed, failed, duplicates, waiting } = drop.totals();
  const { success, failure } = drop.last();
  const last = { ...(success && { lastSuccess: success }), ...(failure && { lastFailure: failure }) };
  return { tallied: { success: processed, failure: failed, duplicate: duplicates, ...last }, waiting };
}

const mappings = fileURLToPath(new URL('../mappings/', import.meta.url));

export async function openFeeds(parts: FeedParts): Promise<FeedRooms> {
  const { store, dispatch, runtime, config, base, thresholds, identify } = parts;
  const { canonical } = config;
  const mapping = loadMapping(join(mappings, 'iot-vitals'));
  const ingest = createIngest({ dispatch, store, runtime, canonical, thresholds, mapping });
  const vitals = createVitals({ ingest, mapping, store, runtime });
  const fileDrop = openFileDrop({ ...parts, canonical, mapping });
  // Inside, so that a wrong key is refused in the devices' own words.
  const guard = identified(identify, (_request, _response, next) => next());
  const takeIn = createTakeIn({ dispatch, base, told: createToldOf({ store, runtime, canonical }) });
  const implants = createImplants({ store, runtime, canonical });
  const hl7v2 = await openHl7v2({
    ...parts,
    takeIn,
    map: (message, setting) => mapMessage(message, { ...setting, implants }),
  });
  const [byHttp, byMqtt] = [createTally(runtime.now), createTally(runtime.now)];
  const mqtt = await openMqtt({
    ...parts,
    vitals: tallied(vitals, byMqtt),
    keepRefused: createKeepRefused(takeIn, canonical),
  });
  const retries = new Map<string, Retry>([
    ['hl7v2', ({ id }, payload) => hl7v2.again(id, payload)],
    [mqttFeed, retryVitals({ vitals, store, base })],
  ]);
  const makers = await loadMakers(mappings);
  const known = [...makers.keys()];
  const { vault, client } = await openVault({ ...parts, known });
  const leases = parts.isBrief ? noLeases : parts.leases;
  const feeds = openFeedsOfMakers({ ...parts, makers, vault, client, implants, takeIn, leases });
  for (const measure of [
    ...(fileDrop ? fileDropMeasures(fileDrop) : []),
    ...hl7v2.measures,
    ...(mqtt?.measures ?? []),
    ...feedMeasures(feeds),
    ...makerMeasures(feeds.connections, runtime.now),
  ])
    parts.metrics.rows(measure);
  for (const [maker, { document }] of makers)
    retries.set(
      maker,
      retryRow({ maker, reader: readerOf(document, canonical), implants, takeIn, store, runtime, canonical }),
    );
  const credentials = {
    ...parts,
    canonical,
    vault,
    known,
    makers: config.makers,
    changed: feeds.credentialChanged,
  };
  const quarantine = createQuarantine(store);
  const quarantineRouter = adminQuarantineRouter({ store, quarantine, retries });
  const doors = (): readonly Door[] => [
    { name: 'iot', isOpen: true, tallied: byHttp.read() },
    { name: 'iot-files', isOpen: fileDrop !== undefined, ...filesOf(fileDrop) },
    { name: 'mqtt', isOpen: mqtt !== undefined, tallied: byMqtt.read(), ...portOf(config.mqttPort, mqtt) },
    { name: 'hl7v2', isOpen: true, tallied: hl7v2.tallied(), ...portOf(hl7v2.port, hl7v2) },
  ];
  return {
    rooms: [
      {
        path: '/console/api',
        room: identified(identify, feedsApi({ feeds, doors, quarantine, quarantineRouter, runtime })),
      },
      {
        path: '/cardiac',
        room: identified(
          identify,
          credentialsRouter(credentials).use(cardiacRouter({ ...parts, canonical, feeds, mapping })),
        ),
      },
      {
        path: '/legacy',
        room: identified(identify, tablesRouter({ ...parts, canonical, mapping, makerOf: feeds.makerOf })),
      },
      { path: '/hl7v2', room: hl7v2Router({ hl7v2, guard }) },
      {
        path: '/api/iot',
        room: iotRouter({ dispatch, store, base, vitals: tallied(vitals, byHttp), guard }),
      },
    ],
    adminRooms: [adminCredentialsRouter(credentials), adminFileDropRouter(fileDrop), quarantineRouter],
    get stopped() {
      return Promise.all([fileDrop?.stopped, hl7v2.stopped, mqtt?.stopped]);
    },
  };
}
