/** What a chart is asked for with. */
import type { Limits } from '../../alerts/thresholds.ts';
import type { ReadingKinds } from '../../translators/cardiac/kinds.ts';
import type { Rows } from '../../translators/cardiac/rows.ts';

export interface ChartSetting {
  readonly canonical: string;
  readonly rows: Rows;
  readonly kinds: ReadingKinds;
  readonly now: number;
  /** Those that alerts of a patient go by, the first before the others. */
  readonly limitsOf: (patient: string) => Promise<readonly Limits[]>;
}
