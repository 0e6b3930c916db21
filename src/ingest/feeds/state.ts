/** What is kept about the makers' feeds: how far each device was read, counts, jobs, and acknowledgements on their way. docs/feeds.md */
import type { Kept, Store } from '../../store/store.ts';
import type { Implant, PatientTold } from '../implants/told.ts';
import type { Counts, Job, MakerStatus } from './feeds.ts';

export const feedKinds = {
  /** By maker: {@link KeptMaker}. */
  maker: 'feed-maker',
  /** By `<maker>/<patient>`: {@link KeptPatient}. */
  patient: 'feed-patient',
  /** By `<maker>/<device>`: {@link KeptDevice}. */
  device: 'feed-device',
  /** By the job's id: {@link KeptJob}. */
  job: 'feed-job',
  /** By patient: which job is under way; gone when it has ended. */
  underWay: 'feed-job-of',
  /** By `<maker>/<alert>`: {@link KeptAcknowledgement}. */
  acknowledgement: 'feed-acknowledgement',
  /** By `<maker>/<device>/<transmission>`: {@link KeptReport}; gone when it was fetched or set aside. */
  report: 'feed-report',
  /** The same key: it was named before. Forgotten when no window can name it any more. */
  reportNamed: 'feed-report-named',
} as const;

/** Times are ms since 1970 UTC. */
export interface KeptMaker
  extends Pick<MakerStatus, 'environment' | 'state' | 'counts' | 'patients' | 'devices' | 'missingIntervals'> {
  readonly why?: string;
  /** When the poll began that is under way; told by those that take long. */
  readonly since?: number;
  readonly lastSuccess?: number;
  readonly lastError?: string;
  /** The newest poll that lacked something, kept beyond those that did not. */
  readonly lastFailure?: { readonly at: number; readonly why: string };
  /** When the next poll begins; left out while one is under way, or none can. */
  readonly next?: number;
  readonly connection?: MakerStatus['connection'];
  /** What cannot be counted with a device: the list of patients, a page of devices. */
  readonly own: Counts;
}

export interface KeptPatient {
  /** The maker's word for the state that was read to the end. */
  readonly changed?: string;
  /** When that was. */
  readonly asked: number;
  /** By device: the same of its own row. */
  readonly devices: Readonly<Record<string, string>>;
}

export interface KeptGap {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/** A window that is not read to its end: where to go on, and the newest reading seen in it. */
export interface Window {
  readonly from?: number;
  readonly cursor?: string;
  readonly newest?: number;
}

export interface KeptDevice {
  readonly patient: string;
  /** As told last: what is taken in again later is of the same. */
  readonly told?: { readonly implant: Implant; readonly patient: PatientTold };
  readonly counts: Counts;
  /** Time of the newest reading of all windows that were read to the end. */
  readonly watermark?: number;
  readonly window?: Window;
  /** By kind of reading that is expected regularly: the times of the newest ones, rising. */
  readonly marks: Readonly<Record<string, readonly number[]>>;
  readonly gaps: readonly KeptGap[];
  /** Keys of rows that are in quarantine, the newest last. */
  readonly aside: readonly string[];
  /** Alerts that the maker says nobody has acknowledged. */
  readonly open: readonly string[];
  readonly lastSuccess?: number;
  readonly lastError?: string;
}

export interface KeptJob extends Omit<Job, 'state' | 'counts' | 'errors' | 'id'> {
  /** By maker. */
  readonly parts: Readonly<
    Record<
      string,
      {
        readonly state: 'queued' | 'running' | 'completed' | 'failed';
        readonly counts: Counts;
        readonly error?: string;
      }
    >
  >;
}

export interface KeptAcknowledgement {
  readonly maker: string;
  readonly alert: string;
  /** The maker's id of the device, where it is known. */
  readonly device?: string;
  readonly asked: number;
  readonly attempts: number;
  /** Not before. */
  readonly next: number;
  /** `refused`: the maker does not know the alert; nobody tries any more. */
  readonly state: 'waiting' | 'refused';
  readonly error?: string;
}

/** A report that is still to be fetched. */
export interface KeptReport {
  /** The maker's ids. */
  readonly patient: string;
  readonly device: string;
  readonly transmission: string;
  /** Time of the newest reading that named it, as sent and in ms. */
  readonly timestamp: string;
  readonly instant: number;
  readonly asked: number;
  readonly attempts: number;
  /** Answers that were no report. */
  readonly unreadable: number;
  /** Not before. */
  readonly next: number;
  readonly error?: string;
}

export const none: Counts = {
  received: 0,
  new: 0,
  corrected: 0,
  duplicate: 0,
  quarantined: 0,
  success: 0,
  failure: 0,
  validationFailures: 0,
  alertsNew: 0,
};

export const plus = (a: Counts, b: Partial<Counts>): Counts =>
  Object.fromEntries(
    Object.entries(a).map(([name, count]) => [name, count + (b[name as keyof Counts] ?? 0)]),
  ) as unknown as Counts;

export const noDevice = (patient: string): KeptDevice => ({
  patient,
  counts: none,
  marks: {},
  gaps: [],
  aside: [],
  open: [],
});

export const keyIn = (maker: string, id: string): string => `${maker}/${id}`;

/** All that is kept of a kind for a maker, in key order. */
export async function* keptOf(store: Pick<Store, 'list'>, kind: string, maker: string): AsyncGenerator<Kept> {
  const prefix = `${maker}/`;
  for (let from = prefix; ; ) {
    const page = await store.list(kind, from, 500);
    for (const kept of page) {
      if (!kept.key.startsWith(prefix)) return;
      yield kept;
    }
    if (page.length < 500) return;
    from = `${page.at(-1)!.key}\u0000`;
  }
}
