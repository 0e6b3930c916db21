/** The lines of an export: one JSON object each, first what it is, then all that the store holds, at last what that came to. docs/moving-stores.md */
import { referenceTo } from '../fhir/references.ts';
import type { HeldVersion } from '../store/engine.ts';
import type { HeldValue, Method, StoredAuditRow } from '../store/store.ts';

/** Rises when an older program could not read the lines. */
export const FORMAT = 1;

/** How much of one kind there was. */
export interface Tally {
  readonly count: number;
  /** The SHA-256 of every line, added up modulo 2^256, in hexadecimal. */
  readonly sum: string;
}

export const tallied = ['resources', 'versions', 'tombstones', 'audit', 'kept', 'expiring'] as const;
/** `resources` are the newest versions; `expiring` what is kept for a time, which `kept` is without. */
export type Tallied = (typeof tallied)[number];
export type Tallies = Readonly<Record<Tallied, Tally>>;

export interface Header {
  readonly is: 'watchfire-export';
  readonly format: number;
  /** Of the program that wrote it. */
  readonly version: string;
  readonly at: string;
  readonly canonical: string;
  /** Lines that are to come, roughly: for whoever waits. */
  readonly records: number;
}

export interface KeptLine extends HeldValue {
  readonly is: 'kept';
}
export interface VersionLine {
  readonly is: 'version';
  /** `Type/id`. */
  readonly key: string;
  readonly versionId: number;
  /** Ms since 1970 UTC. */
  readonly lastUpdated: number;
  readonly method: Method;
  readonly newest: boolean;
  /** '' for a tombstone. */
  readonly text: string;
}
export interface AuditLine extends StoredAuditRow {
  readonly is: 'audit';
}
export type Line = KeptLine | VersionLine | AuditLine;

export interface EndLine {
  readonly is: 'end';
  readonly tallies: Tallies;
}

// Names in a fixed order: the same thing is the same line, whichever engine it comes from.

export const keptLine = ({ kind, key, value, expires }: HeldValue): KeptLine => ({
  is: 'kept',
  kind,
  key,
  value,
  ...(expires !== undefined && { expires }),
});

export const versionLine = ({ version, isNewest }: Omit<HeldVersion, 'place'>): VersionLine => ({
  is: 'version',
  key: referenceTo(version.key),
  versionId: version.versionId,
  lastUpdated: version.lastUpdated,
  method: version.method,
  newest: isNewest,
  text: version.text,
});

export const auditLine = (row: StoredAuditRow): AuditLine => ({
  is: 'audit',
  sequence: row.sequence,
  at: row.at,
  who: row.who,
  key: row.key,
  interaction: row.interaction,
  action: row.action,
  target: row.target,
  patients: row.patients,
  status: row.status,
  requestId: row.requestId,
  address: row.address,
  query: row.query,
  reason: row.reason,
});

/** Refuses with a sentence what is no export, or one of a newer program. */
export function readHeader(text: string): Header {
  const header = parsed(text) as Header | undefined;
  if (header?.is !== 'watchfire-export') throw new Error('what is to be imported is no export of Watchfire');
  if (header.format !== FORMAT)
    throw new Error(
      `the export has format ${header.format}, this program reads ${FORMAT}; use Watchfire ${header.version}`,
    );
  return header;
}

export function readLine(text: string): Line | EndLine {
  const line = parsed(text) as Line | EndLine | undefined;
  if (line === undefined || !['kept', 'version', 'audit', 'end'].includes(line.is))
    throw new Error('the export is damaged: a line in it cannot be read');
  return line;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
