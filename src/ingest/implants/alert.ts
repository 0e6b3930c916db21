/** What a maker noticed, as the alert that it becomes, and what the maker's news changes of it. docs/implants.md, docs/alerts.md */
import type { AlertSeen, AlertSeverity } from '../../alerts/alert.ts';
import { deviceKindOf } from '../../alerts/kinds.ts';
import { isWorse, severities, withPriority } from '../../alerts/severity.ts';
import { acknowledgedAtMaker, alertOf, alertResources, worsened } from '../../alerts/triple.ts';
import type { Resource } from '../../fhir/references.ts';
import { clean } from '../intake/entries.ts';
import { isDateTime } from './patient.ts';
import type { AlertTold } from './told.ts';

export interface AlertPlace {
  readonly canonical: string;
  readonly maker: string;
  readonly implant: string;
  readonly device: string;
  readonly patient: string;
  /** When it came in, in milliseconds. */
  readonly now: number;
}

/** What it is an alert of, and of whom. */
export const aboutOf = (alert: AlertTold, { patient, device }: AlertPlace) => ({
  type: deviceKindOf(alert.kind).code,
  patient,
  device,
});

const severityOf = ({ severity }: AlertTold): AlertSeverity => (severity in severities ? severity : 'warning');

function seenOf(alert: AlertTold, at: AlertPlace): AlertSeen {
  const { canonical, maker, implant, device, patient } = at;
  const kind = deviceKindOf(alert.kind);
  const parsed = Date.parse(alert.at);
  const code = clean(alert.code, 100);
  const hasCode = code !== undefined && !/\s/.test(code);
  return {
    type: kind.code,
    severity: severityOf(alert),
    patient,
    device,
    text: clean(alert.message, 1_000) ?? kind.display,
    at: Number.isNaN(parsed) ? 0 : parsed,
    episodeKey: JSON.stringify([implant, 'alert', maker, alert.id]),
    // The same for ever: the maker's name for it, below the maker's.
    identifier: `${maker}:${clean(alert.id, 300) ?? '-'}`,
    ...(hasCode && { vendor: { system: `${canonical}/CodeSystem/vendor-alert-${maker}`, code } }),
    ...(isDateTime(alert.at) && { since: alert.at }),
    acknowledged: alert.acknowledged,
    isOfDevice: true,
  };
}

/** Flag, DetectedIssue and Task, in this order. What is kept of the alert follows from the Flag (alerts/follow-flag.ts). */
export function resourcesOf(alert: AlertTold, at: AlertPlace): readonly (Resource & { readonly id: string })[] {
  const seen = seenOf(alert, at);
  return alertResources(seen, alertOf(seen), at);
}

/**
 * One of this house that a maker tells of as well: it goes by the maker's name first, and is as bad as the worse of the two. Where that is
 * worse than before, whoever has acknowledged it is asked again.
 */
export function joined(was: any, alert: AlertTold, before: AlertSeverity, at: AlertPlace): any {
  const { identifier: value, vendor } = seenOf(alert, at);
  const system = `${at.canonical}/sid/${was.resourceType === 'Task' ? 'alert-task' : 'alert'}`;
  const hasRisen = isWorse(severityOf(alert), before) && !alert.acknowledged;
  const severity = worseOf(severityOf(alert), before);
  const named = { ...was, identifier: [{ system, value }, ...(was.identifier ?? [])] };
  if (was.resourceType === 'Flag' && vendor)
    named.code = { ...was.code, coding: [...(was.code?.coding ?? []), vendor] };
  if (was.resourceType === 'DetectedIssue' && was.mitigation?.length > 0 && hasRisen)
    named.mitigation = [...was.mitigation, worsened(at)];
  if (was.resourceType === 'Task' && was.status === 'accepted' && hasRisen) named.status = 'requested';
  return revised(named, { ...alert, severity }, at);
}

export const worseOf = (a: AlertSeverity, b: AlertSeverity): AlertSeverity => (isWorse(a, b) ? a : b);

const open = new Set(['draft', 'requested', 'received']);

/** What a maker's news of an alert changes of what stands; what people have made of it stays. The same object where that is nothing. */
export function revised(was: any, alert: AlertTold, { canonical, now }: AlertPlace): any {
  const severity = severityOf(alert);
  const { issue, task } = severities[severity];
  if (was.resourceType === 'Flag') {
    const extension = withPriority(was.extension, severity);
    const text = clean(alert.message, 1_000) ?? was.code?.text;
    const next = { ...was, extension, code: { ...was.code, text } };
    return isSame(next, was) ? was : next;
  }
  if (was.resourceType === 'DetectedIssue') {
    const isKnown = was.mitigation?.some(({ action }: any) =>
      action?.coding?.some((c: any) => c.code === 'acknowledged'),
    );
    const mitigation =
      alert.acknowledged && !isKnown
        ? [...(was.mitigation ?? []), acknowledgedAtMaker(canonical, now)]
        : was.mitigation;
    const next = { ...was, severity: issue, ...(mitigation ? { mitigation } : {}) };
    return isSame(next, was) ? was : next;
  }
  const status = alert.acknowledged && open.has(was.status) ? 'accepted' : was.status;
  const next = { ...was, priority: task, status };
  return isSame(next, was) ? was : { ...next, lastModified: new Date(now).toISOString() };
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
