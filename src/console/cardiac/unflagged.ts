/** Alerts that have no Flag, as a device told of itself: a Task about it that somebody has to look at. docs/alerts.md */
import { acknowledgementIn } from '../../alerts/acknowledge/state.ts';
import { severities, severityOfIssue } from '../../alerts/severity.ts';
import { alertTypeIn } from '../../alerts/triple.ts';
import { keyOf } from '../../fhir/references.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import type { Rows } from '../../translators/cardiac/rows.ts';
import type { TriageRow } from './line.ts';
import { isPerson } from './mine.ts';
import { alertNamed } from './named.ts';
import { deviceLine, namesOf, patientWords } from './people.ts';
import { deviceOfTask, isUnflagged } from './tasks.ts';
import { unlessForbidden } from './unless-forbidden.ts';

/** By their references; none where the caller may not see them. */
async function namedBy(
  type: string,
  references: readonly string[],
  search: Search,
): Promise<ReadonlyMap<string | undefined, any>> {
  const ids = [...new Set(references.map((one) => keyOf(one)))].flatMap((key) => (key?.type === type ? key.id : []));
  const found = new Map<string, any>();
  for (let i = 0; i < ids.length; i += 100) {
    const asked: Parameters = [
      ['_id', ids.slice(i, i + 100).join(',')],
      ['_count', '100'],
    ];
    const { all } = await unlessForbidden(search(type, asked));
    for (const [reference, resource] of all) found.set(reference, resource);
  }
  return found;
}

export interface UnflaggedSetting {
  readonly rows: Rows;
  readonly canonical: string;
  readonly now: number;
  readonly isMine: (owner: string | undefined) => boolean;
}

/** Of open Tasks those that name no Flag, with the patient who wears the device, where one does. */
export async function unflagged(
  tasks: readonly any[],
  search: Search,
  { rows, canonical, now, isMine }: UnflaggedSetting,
): Promise<readonly TriageRow[]> {
  const own = tasks.filter(isUnflagged);
  if (own.length === 0) return [];
  const issueOf = ({ reasonReference }: any): string => reasonReference?.reference ?? '';
  const patientOf = (task: any): string => task.for?.reference ?? '';
  const [devices, issues, patients] = await Promise.all([
    namedBy('Device', own.map(deviceOfTask), search),
    namedBy('DetectedIssue', own.map(issueOf), search),
    namedBy('Patient', own.map(patientOf), search),
  ]);
  const seenBy = [...issues.values()].flatMap((issue) => acknowledgementIn(issue, canonical)?.by ?? []);
  const organizations = [...patients.values()].flatMap((one) => one.managingOrganization?.reference ?? []);
  const named = await namesOf([...seenBy, ...organizations], search);
  return own.map((task): TriageRow => {
    const [device, issue, patient] = [
      devices.get(deviceOfTask(task)),
      issues.get(issueOf(task)),
      patients.get(patientOf(task)),
    ];
    const severity = (['critical', 'warning', 'info'] as const).find((one) => severities[one].task === task.priority);
    const seen = acknowledgementIn(issue, canonical);
    const owner: string | undefined = task.owner?.reference;
    const type: string = (alertTypeIn(issue?.code?.coding, canonical) ?? task.code?.coding?.[0])?.code ?? 'unknown';
    return {
      id: task.id,
      has_flag: false,
      alert_id: task.identifier?.[0]?.value ?? task.id,
      // A deadline that passed makes the Task more urgent, not what was found.
      severity: severityOfIssue(issue) ?? severity ?? 'info',
      type,
      message: task.description ?? '',
      ...alertNamed(type, task.description ?? ''),
      since: task.authoredOn ?? null,
      patient: patient ? patientWords(patient, patient.id, now, named) : null,
      device: device ? deviceLine(device, rows, canonical) : null,
      state: seen ? 'acknowledged' : isPerson(owner) ? 'assigned' : 'new',
      owner: owner ?? null,
      is_mine: isMine(owner),
      acknowledged_by: named(seen?.by),
      acknowledged_at: seen?.at ?? null,
    };
  });
}
