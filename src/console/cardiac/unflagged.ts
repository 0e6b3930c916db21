/** Alerts that have no Flag, as no patient is known of them: a Task about a device that somebody has to look at. docs/alerts.md */
import { severities } from '../../alerts/severity.ts';
import { Problem } from '../../fhir/outcome.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import type { Rows } from '../../translators/cardiac/rows.ts';
import type { TriageRow } from './line.ts';
import { isPerson } from './mine.ts';
import { deviceLine } from './people.ts';

/** Devices by their reference; none where the caller may not see them. */
async function devicesNamed(references: readonly string[], search: Search): Promise<ReadonlyMap<string, any>> {
  const ids = [...new Set(references)].flatMap((one) => /^Device\/([A-Za-z0-9\-.]{1,64})$/.exec(one)?.[1] ?? []);
  const found = new Map<string, any>();
  for (let i = 0; i < ids.length; i += 100) {
    const { all } = await search('Device', [
      ['_id', ids.slice(i, i + 100).join(',')],
      ['_count', '100'],
    ]).catch((error: unknown) => {
      if (error instanceof Problem && error.status === 403) return { all: new Map() };
      throw error;
    });
    for (const [reference, device] of all) found.set(reference, device);
  }
  return found;
}

export interface UnflaggedSetting {
  readonly rows: Rows;
  readonly canonical: string;
  readonly isMine: (owner: string | undefined) => boolean;
}

/** Of open Tasks those that name no Flag. */
export async function unflagged(
  tasks: readonly any[],
  search: Search,
  { rows, canonical, isMine }: UnflaggedSetting,
): Promise<readonly TriageRow[]> {
  const own = tasks.filter(({ focus }) => !focus?.reference?.startsWith('Flag/'));
  const deviceOf = ({ focus, requester }: any): string => requester?.reference ?? focus?.reference ?? '';
  const devices = own.length === 0 ? new Map() : await devicesNamed(own.map(deviceOf), search);
  return own.map((task) => {
    const device = devices.get(deviceOf(task));
    const severity = (['critical', 'warning', 'info'] as const).find((one) => severities[one].task === task.priority);
    return {
      id: task.id,
      has_flag: false,
      alert_id: task.identifier?.[0]?.value ?? task.id,
      severity: severity ?? 'info',
      type: task.code?.coding?.[0]?.code ?? 'unknown',
      message: task.description ?? '',
      since: task.authoredOn ?? null,
      patient: null,
      device: device ? deviceLine(device, rows, canonical) : null,
      state: isPerson(task.owner?.reference) ? 'assigned' : 'new',
      owner: task.owner?.reference ?? null,
      is_mine: isMine(task.owner?.reference),
      acknowledged_by: null,
      acknowledged_at: null,
    };
  });
}
