/** What a maker noticed, as Flag, DetectedIssue and Task. https://hl7.org/fhir/R4/flag.html, https://hl7.org/fhir/R4/detectedissue.html, https://hl7.org/fhir/R4/task.html */
import { readFileSync } from 'node:fs';
import type { Resource } from '../../fhir/references.ts';
import { clean, filled, stableId } from '../intake/entries.ts';
import { isDateTime } from './patient.ts';
import type { AlertTold } from './told.ts';

type Made = Resource & { readonly id: string };

const PRIORITY = 'http://hl7.org/fhir/StructureDefinition/flag-priority';
const severities = {
  critical: { flag: 'PH', word: 'High priority', issue: 'high', task: 'stat' },
  warning: { flag: 'PM', word: 'Medium priority', issue: 'moderate', task: 'urgent' },
  info: { flag: 'PL', word: 'Low priority', issue: 'low', task: 'routine' },
} as const;

interface Concept {
  readonly code: string;
  readonly display: string;
  readonly property?: readonly { readonly code: string; readonly valueCode?: string }[];
}
const codeSystem = JSON.parse(
  readFileSync(new URL('../../../profiles/CodeSystem-alert-type.json', import.meta.url), 'utf8'),
);
/** Kinds of alerts of devices: those that say which category of Flag they are. */
const kinds: ReadonlyMap<string, Concept & { readonly category: string }> = new Map(
  (codeSystem.concept as readonly Concept[]).flatMap((concept) => {
    const category = concept.property?.find(({ code }) => code === 'flag-category')?.valueCode;
    return category === undefined ? [] : [[concept.code, { ...concept, category }] as const];
  }),
);
const OTHER = 'device-alert';

const categories: Readonly<Record<string, string>> = {
  clinical: 'Clinical',
  safety: 'Safety',
  admin: 'Administrative',
};

export interface AlertPlace {
  readonly canonical: string;
  readonly maker: string;
  readonly implant: string;
  readonly device: string;
  readonly patient: string;
  /** When it came in, in milliseconds. */
  readonly now: number;
}

/** The same for ever: the maker's name for it, below the maker's. */
const alertValue = (maker: string, id: string): string => `${maker}:${clean(id, 300) ?? '-'}`;

const alertIds = (implant: string, maker: string, alert: AlertTold) => {
  const parsed = Date.parse(alert.at);
  const at = Number.isNaN(parsed) ? 0 : parsed;
  const idOf = (type: string) => stableId(at, implant, 'alert', maker, alert.id, type);
  return { flag: idOf('Flag'), issue: idOf('DetectedIssue'), task: idOf('Task') };
};

const severityOf = ({ severity }: AlertTold) => severities[severity] ?? severities.warning;

const priorityOf = (alert: AlertTold) => ({
  url: PRIORITY,
  valueCodeableConcept: {
    coding: [
      {
        system: 'http://hl7.org/fhir/flag-priority-code',
        code: severityOf(alert).flag,
        display: severityOf(alert).word,
      },
    ],
  },
});

const mitigationOf = (canonical: string, now: number) => ({
  action: {
    coding: [
      {
        system: `${canonical}/CodeSystem/alert-action`,
        code: 'acknowledged',
        display: 'Acknowledged',
      },
    ],
    text: 'Acknowledged at the maker',
  },
  date: new Date(now).toISOString(),
});

export function alertResources(alert: AlertTold, at: AlertPlace): readonly [flag: Made, issue: Made, task: Made] {
  const { canonical, maker, device, patient, now } = at;
  const kind = kinds.get(alert.kind) ?? kinds.get(OTHER)!;
  const ids = alertIds(at.implant, maker, alert);
  const message = clean(alert.message, 1_000) ?? kind.display;
  const value = alertValue(maker, alert.id);
  const start = isDateTime(alert.at) ? alert.at : new Date(now).toISOString();
  const profile = (name: string) => ({ profile: [`${canonical}/StructureDefinition/device-alert-${name}`] });
  const code = clean(alert.code, 100);
  const made = {
    coding: [
      { system: `${canonical}/CodeSystem/alert-type`, code: kind.code, display: kind.display },
      ...(code === undefined || /\s/.test(code)
        ? []
        : [{ system: `${canonical}/CodeSystem/vendor-alert-${maker}`, code }]),
    ],
    text: message,
  };
  const flag = {
    resourceType: 'Flag',
    id: ids.flag,
    meta: profile('flag'),
    extension: [priorityOf(alert)],
    identifier: [{ system: `${canonical}/sid/alert`, value }],
    status: 'active',
    category: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/flag-category',
            code: kind.category,
            display: categories[kind.category],
          },
        ],
      },
    ],
    code: made,
    subject: { reference: patient },
    period: { start },
    author: { reference: device },
  };
  const issue = filled({
    resourceType: 'DetectedIssue',
    id: ids.issue,
    meta: profile('issue'),
    identifier: [{ system: `${canonical}/sid/alert`, value }],
    status: 'final',
    code: {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OBSA', display: 'Observation Alert' },
      ],
      text: kind.display,
    },
    severity: severityOf(alert).issue,
    patient: { reference: patient },
    identifiedDateTime: start,
    author: { reference: device },
    implicated: [{ reference: device }],
    detail: message,
    mitigation: alert.acknowledged ? [mitigationOf(canonical, now)] : [],
  });
  const task = {
    resourceType: 'Task',
    id: ids.task,
    meta: profile('task'),
    identifier: [{ system: `${canonical}/sid/alert-task`, value }],
    status: alert.acknowledged ? 'accepted' : 'requested',
    intent: 'order',
    priority: severityOf(alert).task,
    code: {
      coding: [{ system: `${canonical}/CodeSystem/task-kind`, code: 'alert-review', display: 'Review of an alert' }],
    },
    description: message,
    focus: { reference: `Flag/${ids.flag}` },
    for: { reference: patient },
    authoredOn: new Date(now).toISOString(),
    lastModified: new Date(now).toISOString(),
    requester: { reference: device },
    reasonReference: { reference: `DetectedIssue/${ids.issue}` },
  };
  return [flag, issue, task];
}

const open = new Set(['draft', 'requested', 'received']);

/** What a maker's news of an alert changes of what stands; what people have made of it stays. The same object where that is nothing. */
export function revised(was: any, alert: AlertTold, { canonical, now }: AlertPlace): any {
  const { issue, task } = severityOf(alert);
  if (was.resourceType === 'Flag') {
    const extension = [priorityOf(alert), ...(was.extension ?? []).filter(({ url }: any) => url !== PRIORITY)];
    const text = clean(alert.message, 1_000) ?? was.code?.text;
    const next = { ...was, extension, code: { ...was.code, text } };
    return isSame(next, was) ? was : next;
  }
  if (was.resourceType === 'DetectedIssue') {
    const isKnown = was.mitigation?.some(({ action }: any) =>
      action?.coding?.some((c: any) => c.code === 'acknowledged'),
    );
    const mitigation =
      alert.acknowledged && !isKnown ? [...(was.mitigation ?? []), mitigationOf(canonical, now)] : was.mitigation;
    const next = { ...was, severity: issue, ...(mitigation ? { mitigation } : {}) };
    return isSame(next, was) ? was : next;
  }
  const status = alert.acknowledged && open.has(was.status) ? 'accepted' : was.status;
  const next = { ...was, priority: task, status };
  return isSame(next, was) ? was : { ...next, lastModified: new Date(now).toISOString() };
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
