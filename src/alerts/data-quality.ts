/**
 * Data of a feed that could not be used: one open DetectedIssue and Task for each feed and device, in the queue of those who
 * look after feeds. Nurses are asked nothing. https://hl7.org/fhir/R4/detectedissue.html, docs/alerts.md
 */
import { keyOf, type Resource, referenceTo } from '../fhir/references.ts';
import type { Derive } from '../interactions/interaction.ts';
import { keptNow } from '../interactions/pending.ts';
import type { Change, Store } from '../store/store.ts';
import { type Alert, type AlertSetting, alertKind } from './alert.ts';
import { alertOf, alertResources } from './triple.ts';

export interface Unusable {
  readonly feed: string;
  /** `Device/1`, where it is known. */
  readonly device?: string;
  /** What was wrong, as https://hl7.org/fhir/R4/valueset-issue-type.html has it. */
  readonly code: 'invalid' | 'not-found' | 'conflict' | 'not-supported';
  /** A sentence, without a value of what came. */
  readonly reason: string;
}

/** Kept beside the alarms: the newest alert of a feed and device, and how many there were. */
interface KeptQuality {
  readonly alert: string;
  readonly count: number;
}
const kind = 'alarm';
const keyFor = ({ feed, device }: Unusable): string => `data-quality|${feed}|${device ?? '-'}`;

export interface QualityAlert {
  readonly resources: readonly (Resource & { readonly id: string })[];
  readonly also: readonly Change[];
}

/** What to write of the first of a kind; nothing where its alert is open. */
export async function qualityAlert(
  one: Unusable,
  setting: AlertSetting,
  store: Pick<Store, 'get'>,
): Promise<QualityAlert | undefined> {
  const key = keyFor(one);
  const [kept] = await store.get(kind, [key]);
  const before = kept?.value as KeptQuality | undefined;
  if (before) {
    const [row] = await store.get(alertKind, [before.alert]);
    if ((row?.value as Alert | undefined)?.open) return undefined;
  }
  const count = (before?.count ?? 0) + 1;
  const seen = {
    type: 'data-quality',
    severity: 'info',
    device: one.device,
    text: `Data of the feed ${one.feed} could not be used: ${one.reason}`,
    at: setting.now,
    episodeKey: `${key}|${count}`,
    queue: 'data-quality',
  } as const;
  const alert = alertOf(seen);
  return {
    resources: alertResources(seen, alert, setting).map((resource) =>
      resource.resourceType === 'DetectedIssue' ? withOutcome(resource, one) : resource,
    ),
    also: [
      { op: 'put', kind: alertKind, key: alert.id, value: alert, expect: 'absent' },
      { op: 'put', kind, key, value: { alert: alert.id, count }, expect: kept?.revision ?? 'absent' },
    ],
  };
}

const withOutcome = <T extends Resource>(issue: T, { code, reason }: Unusable): T => ({
  ...issue,
  contained: [
    { resourceType: 'OperationOutcome', id: 'outcome', issue: [{ severity: 'warning', code, diagnostics: reason }] },
  ],
  evidence: [{ detail: [{ reference: '#outcome' }] }],
});

const over = new Set(['completed', 'cancelled', 'rejected', 'failed', 'entered-in-error']);

/** When somebody is done with the Task, what comes next opens another. Other Tasks of alerts end with their Flag. */
export const followQueue: Derive = async ({ key, after }, pending, look, { canonical }) => {
  const isMine = after?.['code']?.coding?.some(
    ({ system, code }: any) => system === `${canonical}/CodeSystem/task-kind` && code === 'data-quality',
  );
  const issue = keyOf(after?.['reasonReference']?.reference ?? '');
  if (!isMine || issue === undefined) return [];
  const { value, expect } = await keptNow(alertKind, issue.id, pending, look);
  const alert = value as Alert | undefined;
  const open = !over.has(after!['status']);
  if (alert?.task !== key.id || alert.open === open) return [];
  return [{ op: 'put', kind: alertKind, key: alert.id, value: { ...alert, open }, expect }];
};

/** `Device/1` out of what a feed knows its device by; undefined for anything else. */
export const deviceIn = (said: string | undefined): string | undefined => {
  const key = keyOf(said ?? '');
  return key?.type === 'Device' ? referenceTo(key) : undefined;
};
