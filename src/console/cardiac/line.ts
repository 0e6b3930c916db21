/** One line of the list of alerts. docs/dashboard.md */
import type { DeviceLine, PatientWords } from './people.ts';

export interface TriageRow {
  /** Id of the Flag; of the Task, where there is none because no patient is known. */
  readonly id: string;
  readonly has_flag: boolean;
  readonly alert_id: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly type: string;
  readonly message: string;
  /** Of the message what its type does not say: see named.ts. */
  readonly beyond: string | null;
  readonly besides: string | null;
  readonly own?: readonly [words: string, values: Readonly<Record<string, string>>];
  readonly since: string | null;
  readonly patient: PatientWords | null;
  readonly device: DeviceLine | null;
  /** Assigned: a person has it. */
  readonly state: 'new' | 'assigned' | 'acknowledged';
  /** Reference to whom its Task belongs: a person, or who was asked or told last. */
  readonly owner: string | null;
  /** It belongs to who looks, or to a care team with who looks in it. */
  readonly is_mine: boolean;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: string | null;
}
