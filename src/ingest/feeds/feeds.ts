/** What the room of the makers' feeds offers to doors: manual runs, status and the way back for acknowledgements. docs/feeds.md */
import type { Change } from '../../store/store.ts';

/** Rows of the maker. `received` is the sum of the others. */
export interface RowCounts {
  readonly received: number;
  readonly new: number;
  readonly corrected: number;
  /** Came again and is stored already, also by the overlap of our own windows. */
  readonly duplicate: number;
  readonly quarantined: number;
}

export interface Counts extends RowCounts {
  /** Devices that were asked to the end. */
  readonly success: number;
  /** Devices that were asked and not to the end. */
  readonly failure: number;
  /** Of the quarantined: those that were read and cannot be true, or not be understood. */
  readonly validationFailures: number;
  readonly alertsNew: number;
}

export interface Gap {
  /** The kind of reading that was expected, such as `heart_rate`. */
  readonly kind: string;
  /** ISO 8601: the readings before and after. `to` is left out while nothing came after. */
  readonly from: string;
  readonly to: string;
}

export interface DeviceStatus {
  /** The maker's id of the device. */
  readonly device: string;
  /** The maker's id of the patient. */
  readonly patient: string;
  readonly counts: Counts;
  readonly gaps: readonly Gap[];
  readonly lastSuccess?: string;
  readonly lastError?: string;
  /** Time of the newest reading that is known. */
  readonly newest?: string;
}

export interface MakerStatus {
  readonly maker: string;
  readonly environment?: string;
  /** `off`: the base URL is not set; `no-credential`: nothing in the vault; `waiting`: not asked yet. */
  readonly state: 'off' | 'no-credential' | 'waiting' | 'polling' | 'failing';
  /** A sentence, where it is not polling. */
  readonly why?: string;
  /** ISO 8601: beginning of the poll that is under way, where it is the first one or takes long. */
  readonly pollingSince?: string;
  readonly counts: Counts;
  readonly patients: number;
  readonly devices: number;
  readonly missingIntervals: number;
  /** ISO 8601: end of the last poll that reached the maker. */
  readonly lastSuccess?: string;
  /** Seconds since then. */
  readonly lag?: number;
  readonly lastError?: string;
  /** The newest poll that lacked something: ISO 8601, and a sentence. */
  readonly lastFailure?: { readonly at: string; readonly why: string };
  /** ISO 8601. */
  readonly nextPoll?: string;
  /** Acknowledgements that the maker has not confirmed yet. */
  readonly acknowledgementsWaiting: number;
  /** Those of them that were given up on; kept. */
  readonly acknowledgementsRefused: number;
  /** Reports of transmissions that readings named and that are not here yet. */
  readonly reportsWaiting: number;
  readonly connection?: {
    readonly up: boolean;
    readonly breaker: string;
    readonly tokenExpires?: number;
    readonly quotaRemaining?: number;
  };
}

export interface Job {
  readonly id: string;
  /** The value of Patient.identifier that was asked for: the maker's id. */
  readonly patient: string;
  readonly state: 'queued' | 'running' | 'completed' | 'failed';
  readonly asked: string;
  readonly ended?: string;
  readonly counts: Counts;
  /** Sentences, one per maker that failed. */
  readonly errors: readonly string[];
}

export interface Feeds {
  /** Names of the folders, in order. */
  makers(): readonly string[];
  /** `boston_scientific`, `Boston Scientific` -> `boston-scientific`; undefined for a maker without a folder. */
  makerOf(name: string): string | undefined;
  /**
   * Has the patient's devices asked now. While a run is under way, the same one is answered, on every server. Throws
   * `business-rule` (409) where no maker is set up.
   */
  ingest(patient: string): Promise<Job>;
  job(id: string): Promise<Job | undefined>;
  /** The same on every server. */
  status(): Promise<readonly MakerStatus[]>;
  devices(maker: string, after?: string, limit?: number): Promise<readonly DeviceStatus[]>;
  /** Tells the maker, until it says itself that the alert is acknowledged. Once per alert. `device` is the maker's id, where known. */
  acknowledge(maker: string, alert: string, device?: string): Promise<void>;
  /** The same as a change for the commit in which it is made. Seen within a minute, at once with `acknowledge` after it. */
  acknowledgement(maker: string, alert: string, device?: string): Change;
}
