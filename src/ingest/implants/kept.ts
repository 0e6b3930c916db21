/** What is kept of an implant, of each occasion on which it told something, and of its alerts: a repeat is told from news by it. docs/storage.md */
import type { AlertSeverity } from '../../alerts/alert.ts';
import type { Term } from './told.ts';

/** Kind of all of it. Keys: `<implant>` for the implant, `<implant>|…` for its occasions, `<implant>!…` for its alerts. */
export const implantKind = 'implant';

export interface KeptImplant {
  /** `Device/1` */
  readonly device: string;
  /** Version of the Device that we wrote last; 0 where somebody else's stands. */
  readonly version: number;
  /** `Patient/1`, by what was told last. */
  readonly patient: string;
  /** What that patient was called: values of identifiers, by their system. */
  readonly names: Readonly<Record<string, string>>;
  /** Digests of what was told of implant and patient last, by who told (see `sourceOf`). */
  readonly told: Readonly<Record<string, string>>;
  /** Id of the DeviceUseStatement that goes on, and how many there were. */
  readonly use: string;
  readonly uses: number;
  /** Beginning and end of that use that we wrote, as written: what somebody else has said stands. */
  readonly since?: string;
  readonly until?: string;
  /** Codes that there is a DeviceMetric for. */
  readonly metrics: readonly string[];
  /** Newest instant that anything was told of. */
  readonly latest: number;
  /** Digest of the connectivity that was told last. */
  readonly contact?: string;
}

/** One value of an occasion, as sent. */
export interface Item {
  readonly term: Term;
  /** The maker's id of the reading, its kind and its channel. */
  readonly id?: string;
  readonly kind?: string;
  readonly channel?: string;
}

export interface KeptOccasion {
  readonly patient: string;
  readonly status: 'final' | 'preliminary' | 'corrected' | 'amended';
  readonly items: Readonly<Record<string, Item>>;
  /** By the name of the Observation (`panel`, or the key of an item): the version that we wrote last; 0 where somebody else was there first. */
  readonly versions: Readonly<Record<string, number>>;
  /** Versions of somebody else that were left standing, once that has been said. */
  readonly standing?: Readonly<Record<string, number>>;
  /** Digests of what was quarantined, by the key of the item. */
  readonly refused?: Readonly<Record<string, string>>;
  /** Digests of the report and of each strip. */
  readonly parts?: Readonly<Record<string, string>>;
}

export interface KeptAlert {
  readonly patient: string;
  /** Digest of what was told. */
  readonly told: string;
  readonly flag: string;
  readonly issue: string;
  readonly task: string;
  /** It was an alert of this house before, as bad as this: what the maker tells makes it no milder. */
  readonly least?: AlertSeverity;
}
