/** An alert as whoever notices something tells it, and what is kept of it. Its three resources: triple.ts. docs/alerts.md */

export type AlertSeverity = 'critical' | 'warning' | 'info';

/** Which queue its Task stands in: `alert-review` is looked at by nurses, `data-quality` by those who keep the feeds. */
export type Queue = 'alert-review' | 'data-quality';

export interface AlertSeen {
  /** A code of CodeSystem/alert-type: its display, and the category of the Flag, stand there. */
  readonly type: string;
  readonly severity: AlertSeverity;
  /** `Patient/1`. Without one there is no Flag: R4 flags no Device. */
  readonly patient?: string;
  /** Where there is none: `Patient/1` who wears the device. What it tells of itself is no Flag of theirs, but a Task of their team. */
  readonly wearer?: string;
  /** `Device/1` or another reference; the author where it is a Device. */
  readonly device?: string;
  /** References to what it was seen in, the first one first. */
  readonly evidence?: readonly string[];
  /** For people: what was noticed. Never a value of a stranger. */
  readonly text: string;
  /** What it is about, in a word or two (`Heart rate`), where that is not the whole text. */
  readonly name?: string;
  /** When it was noticed, in milliseconds: the time of the reading, not of its arrival. */
  readonly at: number;
  /** The same for the same episode, for ever and on every server: ids are made of it. */
  readonly episodeKey: string;
  /** `alert-review` where left out. A data-quality alert has no Flag. */
  readonly queue?: Queue;
  /** Kept state that an ended or reopened Flag speaks to: the alarm that it is an episode of. */
  readonly alarm?: string;
  /** Name of the alert by who told it; its own id where left out. System `<canonical>/sid/alert`. */
  readonly identifier?: string;
  /** What a maker calls this kind of alert, beside the type. */
  readonly vendor?: { readonly system: string; readonly code: string };
  /** FHIR dateTime that it began, where others tell; where left out, `at`. */
  readonly since?: string;
  /** Somebody acknowledged it at its maker. */
  readonly acknowledged?: boolean;
  /** Claims the profiles device-alert-flag, -issue and -task; for what devices and their makers notice of a patient. */
  readonly isOfDevice?: boolean;
}

/** Kept under its id: what opened, and where it stands. Whether somebody has acknowledged it stands in the Task alone. */
export interface Alert {
  /** Id of the Flag; where there is none, of the DetectedIssue. */
  readonly id: string;
  readonly flag?: string;
  readonly issue: string;
  readonly task: string;
  readonly type: string;
  readonly severity: AlertSeverity;
  readonly patient?: string;
  readonly wearer?: string;
  readonly device?: string;
  readonly queue: Queue;
  readonly at: number;
  readonly alarm?: string;
  readonly open: boolean;
}

/** Kind of what is kept of every alert, under its id. docs/storage.md */
export const alertKind = 'alert';

/** Of the write that it stands in. */
export interface AlertSetting {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly canonical: string;
}
