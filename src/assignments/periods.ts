/** Whose a device was, and when: periods, half open, in milliseconds since 1970. https://hl7.org/fhir/R4/deviceusestatement.html */

/** One assignment. Without `from` it reaches back for ever; without `to` it goes on. */
export interface Assignment {
  /** `Patient/1` */
  readonly patient: string;
  /** Id of the DeviceUseStatement that says so. */
  readonly use: string;
  readonly from?: number;
  readonly to?: number;
}

/** The patient a device was assigned to at an instant; where several say so, the assignment that began last. */
export function patientAt(assignments: readonly Assignment[], instant: number): string | undefined {
  let found: Assignment | undefined;
  for (const assignment of assignments) {
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = assignment;
    if (instant < from || instant >= to) continue;
    if (!found || from >= (found.from ?? Number.NEGATIVE_INFINITY)) found = assignment;
  }
  return found?.patient;
}

/** The list with an assignment put in, replacing the one of the same DeviceUseStatement. */
export const withAssignment = (assignments: readonly Assignment[], one: Assignment): readonly Assignment[] =>
  [...assignments.filter(({ use }) => use !== one.use), one].sort(
    (a, b) => (a.from ?? Number.NEGATIVE_INFINITY) - (b.from ?? Number.NEGATIVE_INFINITY),
  );

export const withoutAssignment = (assignments: readonly Assignment[], use: string): readonly Assignment[] =>
  assignments.filter((assignment) => assignment.use !== use);

/**
 * The span of a FHIR dateTime: its first millisecond and the first one after it; undefined where it is none.
 * `2026-11` is the whole of November, in UTC.
 */
export function spanOf(dateTime: string): { readonly from: number; readonly to: number } | undefined {
  const parts = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(T.+)?)?)?$/.exec(dateTime);
  if (!parts) return undefined;
  const [, year, month, day, time] = parts;
  if (time) {
    const at = Date.parse(dateTime);
    return Number.isNaN(at) ? undefined : { from: at, to: at + (/\.\d/.test(time) ? 1 : 1_000) };
  }
  const y = Number(year);
  const m = Number(month ?? 1) - 1;
  const d = Number(day ?? 1);
  const from = Date.UTC(y, m, d);
  const to = day ? Date.UTC(y, m, d + 1) : month ? Date.UTC(y, m + 1, 1) : Date.UTC(y + 1, 0, 1);
  return { from, to };
}

// A statement of these was no use: it never was, or is only a plan.
const noUse = new Set(['entered-in-error', 'intended']);

/**
 * The assignment that a DeviceUseStatement means, or undefined where it means none. `was` is what it meant before. One
 * without timing keeps its beginning; a new one begins when it was recorded, unless it is the device's first, which reaches
 * back. One that is over without saying since when is over since now.
 */
export function assignmentOf(
  statement: any,
  now: number,
  was: Assignment | undefined,
  isFirst: boolean,
): Assignment | undefined {
  const patient = statement.subject?.reference;
  if (noUse.has(statement.status) || typeof patient !== 'string') return undefined;
  const use = statement.id;
  const isOver = statement.status === 'completed' || statement.status === 'stopped';
  const { timingPeriod, timingDateTime } = statement;
  const span = spanOf(timingDateTime ?? '');
  if (span) return { patient, use, ...span };
  const start = timingPeriod?.start as string | undefined;
  const end = timingPeriod?.end as string | undefined;
  const made = spanOf(statement.recordedOn ?? '')?.from ?? now;
  const begun = was ? was.from : isFirst ? undefined : made;
  // An end to the second, as people write it, is that second's beginning: the next assignment may begin right there.
  const ended = end === undefined ? undefined : /T/.test(end) ? spanOf(end)?.from : spanOf(end)?.to;
  return {
    patient,
    use,
    from: timingPeriod ? spanOf(start ?? '')?.from : begun,
    to: ended ?? (isOver ? (was?.to ?? now) : undefined),
  };
}
