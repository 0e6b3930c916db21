/** The alerts that are active, worst first, each as one line for whoever reviews them: few searches, however many alerts. docs/dashboard.md */
import { acknowledgementIn } from '../../alerts/acknowledge/state.ts';
import type { FoundPage, Search } from '../../translators/cardiac/asker.ts';
import { issuesOf } from '../../translators/cardiac/beside.ts';
import { isAlert } from '../../translators/cardiac/lists.ts';
import { alertIdOf, type Rows } from '../../translators/cardiac/rows.ts';
import { everyPage } from './every-page.ts';
import type { TriageRow } from './line.ts';
import { medianAcknowledgement } from './median.ts';
import { isPerson, mineAmong } from './mine.ts';
import { alertNamed } from './named.ts';
import { deviceLine, namesOf, patientWords } from './people.ts';
import { openTasks } from './tasks.ts';
import { unflagged } from './unflagged.ts';

export interface Triage {
  /** Of all that are active and seen, shown or not. */
  readonly total: number;
  readonly unreviewed: number;
  readonly oldest_critical: string | null;
  /** Seconds from raised to acknowledged, of what was acknowledged in the last 24 hours. */
  readonly median_acknowledgement: number | null;
  readonly rows: readonly TriageRow[];
}

export interface TriageSetting {
  readonly canonical: string;
  readonly rows: Rows;
  readonly now: number;
  /** Who looks: `Practitioner/7`. */
  readonly me: string;
}

/** Each brings a patient and a device along, and a page may bring a thousand. */
const PAGE = 450;
/** Lines that a page shows. */
const MOST_ROWS = 1_000;

const rank = { critical: 0, warning: 1, info: 2 } as const;

const flagsOf = (search: Search, canonical: string, flag: string | undefined): Promise<FoundPage> =>
  everyPage(search, 'Flag', [
    ['status', 'active'],
    ...isAlert(canonical),
    ...(flag === undefined ? [] : [['_id', flag] as const]),
    ['_include', 'Flag:author'],
    ['_include', 'Flag:patient'],
    ['_sort', '-date'],
    ['_count', `${PAGE}`],
  ]);

/** One alert by itself: by its Flag or, where it has none, by its Task. */
export interface One {
  readonly flag?: string | undefined;
  readonly task?: string | undefined;
}

const tasksOf = (search: Search, canonical: string, { flag, task }: One): Promise<readonly any[]> =>
  openTasks(
    search,
    canonical,
    task !== undefined ? [['_id', task]] : flag !== undefined ? [['focus', `Flag/${flag}`]] : [],
  );

/** Of all patients whom the caller sees; or one alert. */
export async function triage(search: Search, setting: TriageSetting, one: One = {}): Promise<Triage> {
  const { canonical, rows, now, me } = setting;
  const { flag, task } = one;
  const [flags, waiting, median] = await Promise.all([
    task !== undefined ? { matches: [], all: new Map<string, any>() } : flagsOf(search, canonical, flag),
    tasksOf(search, canonical, one),
    flag === undefined && task === undefined ? medianAcknowledgement(search, setting) : null,
  ]);
  const tasks = new Map(waiting.map((task) => [task.focus?.reference, task]));
  // Whose Task waits has been acknowledged by nobody: only of the others is asked who it was.
  const isWaiting = ({ id }: any): boolean =>
    ['draft', 'requested', 'received'].includes(tasks.get(`Flag/${id}`)?.status);
  const issues = await issuesOf(
    flags.matches.filter((one) => !isWaiting(one)),
    search,
    canonical,
  );

  const ownerOf = ({ id }: any): string | undefined => tasks.get(`Flag/${id}`)?.owner?.reference;
  const isMine = await mineAmong(
    waiting.map(({ owner }) => owner?.reference),
    me,
    search,
  );
  const seenBy = [...issues.values()].flatMap((issue) => acknowledgementIn(issue, canonical)?.by ?? []);
  const organizations = [...flags.all.values()].flatMap((one) => one.managingOrganization?.reference ?? []);
  const [named, others] = await Promise.all([
    namesOf([...seenBy, ...organizations], search),
    flag === undefined ? unflagged(waiting, search, { ...setting, isMine }) : [],
  ]);

  function rowOf(found: any): TriageRow {
    const issue = issues.get(alertIdOf(found, canonical));
    const patient = found.subject?.reference ?? '';
    const device = flags.all.get(found.author?.reference);
    const { alert_id, alert_type, severity, message, timestamp } = rows.alert(found, issue, device, '') as any;
    const seen = acknowledgementIn(issue, canonical);
    const owner = ownerOf(found);
    return {
      id: found.id,
      has_flag: true,
      alert_id,
      severity: severity in rank ? severity : 'info',
      type: alert_type,
      message,
      ...alertNamed(alert_type, message),
      since: timestamp,
      patient: patientWords(flags.all.get(patient), patient.replace(/^Patient\//, ''), now, named),
      device: device ? deviceLine(device, rows, canonical) : null,
      state: seen ? 'acknowledged' : isPerson(owner) ? 'assigned' : 'new',
      owner: owner ?? null,
      is_mine: isMine(owner),
      acknowledged_by: named(seen?.by),
      acknowledged_at: seen?.at ?? null,
    };
  }
  const isSeen = ({ state }: TriageRow): number => (state === 'acknowledged' ? 1 : 0);
  const instant = ({ since }: TriageRow): number => Date.parse(since ?? '') || 0;
  const lines = [...flags.matches.map(rowOf), ...others].sort(
    (a, b) =>
      isSeen(a) - isSeen(b) || rank[a.severity] - rank[b.severity] || instant(b) - instant(a) || (a.id < b.id ? -1 : 1),
  );
  const open = lines.filter((line) => !isSeen(line));
  return {
    total: lines.length,
    unreviewed: open.length,
    oldest_critical: open.findLast(({ severity }) => severity === 'critical')?.since ?? null,
    median_acknowledgement: median,
    rows: lines.slice(0, MOST_ROWS),
  };
}
