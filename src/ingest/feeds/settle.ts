/** One page of a maker goes into the store: what is new of it, what is set aside, the page itself, and how far we are, in one commit. docs/feeds.md */
import { hash } from 'node:crypto';
import { keyOf } from '../../fhir/references.ts';
import type { Runtime } from '../../runtime.ts';
import { check, type Held } from '../../store/lease.ts';
import type { Change, Store } from '../../store/store.ts';
import { findPatient } from '../implants/find.ts';
import { newPatient } from '../implants/patient.ts';
import type { Implants } from '../implants/room.ts';
import type {
  AlertTold,
  Connectivity,
  Implant,
  Interrogation,
  LateReport,
  PatientTold,
  Told,
} from '../implants/told.ts';
import { isOvertaken } from '../intake/overtaken.ts';
import {
  decision,
  openRows,
  type Quarantined,
  quarantineChange,
  quarantineId,
  quarantineNew,
} from '../intake/quarantine.ts';
import { rawEntries, rawReference } from '../intake/raw.ts';
import type { TakeIn } from '../intake/take-in.ts';
import type { Counts } from './feeds.ts';
import type { KeptAside, Read } from './row.ts';

export interface SettleParts {
  readonly store: Pick<Store, 'get' | 'read' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly implants: Pick<Implants, 'entriesOf'>;
  readonly takeIn: TakeIn;
  readonly canonical: string;
}

/** A page as it came. */
export interface CameIn {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  /** What was asked for, without an origin. */
  readonly name: string;
}

export interface Settling {
  readonly maker: string;
  readonly implant: Implant;
  readonly patient: PatientTold;
  readonly reads?: readonly Read[];
  readonly alerts?: readonly AlertTold[];
  readonly connectivity?: Connectivity;
  readonly reports?: readonly LateReport[];
  readonly aside?: readonly KeptAside[];
  /** Keys of rows that are in quarantine and can be read now. */
  readonly repaired?: readonly string[];
  readonly page?: CameIn;
  readonly held: Held;
  /** The state to keep with it, told what came of the page; not asked where the page brought nothing and `isQuiet`. */
  readonly state: (counted: Partial<Counts>) => readonly Change[];
  /** Nothing has to be kept where nothing is new. */
  readonly isQuiet?: boolean;
}

const tries = 5;

export type Settle = (settling: Settling) => Promise<Partial<Counts>>;

export function createSettle(parts: SettleParts): Settle {
  return async (settling) => {
    for (let n = 1; ; n++) {
      try {
        return await once(parts, settling);
      } catch (error) {
        // Whoever has the lease now goes on; with it still ours, somebody else wrote the same patient or device.
        if (!isOvertaken(error) || settling.held.signal.aborted || n === tries) throw error;
      }
    }
  };
}

async function once(parts: SettleParts, settling: Settling): Promise<Partial<Counts>> {
  const { store, runtime, implants, takeIn, canonical } = parts;
  const { maker, implant, patient, reads = [], alerts = [], connectivity, reports, aside = [], page, held } = settling;
  const now = runtime.now();
  const raw = page && { feed: maker, id: hash('sha256', page.bytes, 'hex'), received: now, ...page };
  const reference = raw && rawReference(raw);
  const told: Told = {
    implant,
    patient,
    interrogations: stripsOf(implant, reads),
    readings: reads.map(({ reading }) => reading),
    alerts,
    reports,
    connectivity,
    assumptions: [...new Set(reads.flatMap(({ assumptions }) => assumptions))],
  };
  const { entries, also, outcome, ...about } = await implants.entriesOf(told, reference);
  const fresh = await quarantineNew(
    store,
    aside.map(({ key, mark: _mark, ...row }) => [
      quarantineId(maker, row.device, key),
      { feed: maker, at: now, ...row, raw: reference, patient: patient.identifiers[0]?.value, state: 'open' },
    ]),
  );
  const quarantined: Change[] = [
    ...fresh,
    ...outcome.quarantined.map((one: Quarantined) =>
      quarantineChange(quarantineId(maker, one.device ?? implant.deviceId, one.row), one),
    ),
    ...(await takenIn(settling, store)),
  ];
  const counted: Partial<Counts> = {
    received: reads.length + aside.length,
    new: outcome.new,
    corrected: outcome.corrected,
    duplicate: outcome.duplicate + aside.length - fresh.length,
    quarantined: outcome.quarantined.length + fresh.length,
    validationFailures: outcome.quarantined.length + fresh.length,
    alertsNew: outcome.alertsNew,
  };
  const isNews = entries.length > 0 || quarantined.length > 0 || also.length > 0;
  if (!isNews && settling.isQuiet) return counted;
  const state = [...settling.state(counted), check(held.fence)];
  const isRawNeeded = raw !== undefined && (entries.length > 0 || quarantined.length > 0);
  const isRawThere = isRawNeeded && (await store.read([keyOf(reference!)!]))[0] !== undefined;
  const rawNew = isRawNeeded && !isRawThere ? rawEntries(raw, canonical, about).entries : [];
  const all = [...rawNew, ...entries];
  const changes = [...also, ...quarantined, ...state];
  if (all.length === 0) await store.commit(changes);
  else await takeIn(maker, all, changes);
  return counted;
}

export type Welcome = (maker: string, patient: PatientTold, held: Held) => Promise<void>;

/** Makes the Patient of somebody of whom no device is told, where the store lacks it. */
export function createWelcome({
  store,
  takeIn,
}: Pick<SettleParts, 'takeIn'> & { store: Pick<Store, 'read' | 'search'> }): Welcome {
  return async (maker, patient, held) => {
    const found = await findPatient(patient, store);
    if (!found || found.resources.length > 0) return;
    await takeIn(maker, [newPatient(patient).entry], [found.still, check(held.fence)]);
  };
}

/** Strips stand in an interrogation of their own instant. */
function stripsOf({ deviceId, serial }: Implant, reads: readonly Read[]): readonly Interrogation[] {
  return reads.flatMap(({ strip }): Interrogation[] =>
    strip === undefined
      ? []
      : [
          {
            id: `${deviceId ?? serial}|${strip.id}`,
            at: strip.at,
            instant: strip.instant,
            status: 'final',
            terms: [],
            strips: [strip],
          },
        ],
  );
}

async function takenIn(
  { maker, implant, repaired = [] }: Settling,
  store: Pick<Store, 'get'>,
): Promise<readonly Change[]> {
  const ids = repaired.map((key) => quarantineId(maker, implant.deviceId, key));
  return (await openRows(store, ids)).map((row) => decision(row, 'taken-in'));
}
