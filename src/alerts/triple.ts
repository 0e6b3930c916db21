/** Flag, DetectedIssue and Task of one alert, as they are when it opens. https://hl7.org/fhir/R4/flag.html, https://hl7.org/fhir/R4/detectedissue.html, https://hl7.org/fhir/R4/task.html */
import { hash } from 'node:crypto';
import { keyOf, type Resource } from '../fhir/references.ts';
import { uuidv7 } from '../runtime.ts';
import type { Alert, AlertSeen, AlertSetting } from './alert.ts';
import { kindOf } from './kinds.ts';
import { priorityOf, severities } from './severity.ts';

type Made = Resource & { readonly id: string };

const FLAG_DETAIL = 'http://hl7.org/fhir/StructureDefinition/flag-detail';
const categories: Readonly<Record<string, string>> = {
  clinical: 'Clinical',
  safety: 'Safety',
  admin: 'Administrative',
};
const queues = {
  'alert-review': 'Review of an alert',
  'data-quality': 'Review of data that could not be used',
} as const;

/** What raised a Flag. http://hl7.org/fhir/StructureDefinition/flag-detail */
export const seenIn = (reference: string) => ({ url: FLAG_DETAIL, valueReference: { reference } });

/** The id of one of them: the same for the same episode, on every server. */
const alertResourceId = (type: 'Flag' | 'DetectedIssue' | 'Task', { at, episodeKey }: AlertSeen): string =>
  uuidv7(at, hash('sha256', `${episodeKey}|${type}`, 'buffer'));

// Only a Device may be an author; a DeviceMetric may not.
const deviceOf = (device: string | undefined) =>
  device !== undefined && keyOf(device)?.type === 'Device' ? { reference: device } : undefined;

export function alertTypeOf(type: string, canonical: string) {
  const { code, display } = kindOf(type);
  return { system: `${canonical}/CodeSystem/alert-type`, code, display };
}

/** Of the codings of a Flag or DetectedIssue the one that says its type. */
export const alertTypeIn = (codings: readonly any[] | undefined, canonical: string): any =>
  codings?.find(({ system }) => system === `${canonical}/CodeSystem/alert-type`);

/** What makes an acknowledgement of before a matter of before. */
export const worsened = ({ canonical, now }: AlertSetting) => ({
  action: {
    coding: [{ system: `${canonical}/CodeSystem/alert-action`, code: 'worsened', display: 'Worse since' }],
    text: 'Worse since: to be looked at again',
  },
  date: new Date(now).toISOString(),
});

export const acknowledgedAtMaker = (canonical: string, now: number) => ({
  action: {
    coding: [{ system: `${canonical}/CodeSystem/alert-action`, code: 'acknowledged', display: 'Acknowledged' }],
    text: 'Acknowledged at the maker',
  },
  date: new Date(now).toISOString(),
});

/** What is kept of an alert that opens. */
export function alertOf(seen: AlertSeen): Alert {
  const { type, severity, patient, wearer, device, at, alarm, queue = 'alert-review' } = seen;
  const hasFlag = patient !== undefined && queue === 'alert-review';
  const flag = hasFlag ? alertResourceId('Flag', seen) : undefined;
  const issue = alertResourceId('DetectedIssue', seen);
  const task = alertResourceId('Task', seen);
  return {
    id: flag ?? issue,
    ...(flag !== undefined && { flag }),
    issue,
    task,
    type,
    severity,
    ...(patient !== undefined && { patient }),
    ...(patient === undefined && wearer !== undefined && { wearer }),
    ...(device !== undefined && { device }),
    queue,
    at,
    ...(alarm !== undefined && { alarm }),
    open: true,
  };
}

/** Its resources: two where it has no Flag. They name what was measured, never the value. */
export function alertResources(seen: AlertSeen, alert: Alert, setting: AlertSetting): readonly Made[] {
  const issue = issueOf(seen, alert, setting);
  const task = taskOf(seen, alert, setting);
  return alert.flag === undefined ? [issue, task] : [flagOf(seen, alert.flag, setting), issue, task];
}

const profile = ({ isOfDevice, patient }: AlertSeen, canonical: string, name: string) =>
  isOfDevice && patient !== undefined
    ? { meta: { profile: [`${canonical}/StructureDefinition/device-alert-${name}`] } }
    : {};

function flagOf(seen: AlertSeen, id: string, { canonical, now }: AlertSetting): Made {
  const kind = kindOf(seen.type);
  const category = kind.category ?? 'clinical';
  const author = deviceOf(seen.device);
  return {
    resourceType: 'Flag',
    id,
    ...profile(seen, canonical, 'flag'),
    extension: [priorityOf(seen.severity), ...(seen.evidence ?? []).map(seenIn)],
    identifier: [{ system: `${canonical}/sid/alert`, value: seen.identifier ?? id }],
    status: 'active',
    category: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/flag-category',
            code: category,
            display: categories[category],
          },
        ],
      },
    ],
    code: {
      coding: [alertTypeOf(seen.type, canonical), ...(seen.vendor ? [seen.vendor] : [])],
      text: seen.name ?? seen.text,
    },
    subject: { reference: seen.patient },
    // Of the reading; what a clock that runs ahead says is of now.
    period: { start: seen.since ?? new Date(Math.min(seen.at, now)).toISOString() },
    ...(author && { author }),
  };
}

function issueOf(seen: AlertSeen, alert: Alert, { canonical, now }: AlertSetting): Made {
  const { device, evidence = [] } = seen;
  const patient = seen.patient ?? seen.wearer;
  const author = deviceOf(device);
  // Without a Flag it is about the device, whatever showed it.
  const implicated = alert.flag === undefined ? (device ?? evidence[0]) : (evidence[0] ?? device);
  return {
    resourceType: 'DetectedIssue',
    id: alert.issue,
    ...profile(seen, canonical, 'issue'),
    identifier: [{ system: `${canonical}/sid/alert`, value: seen.identifier ?? alert.id }],
    status: 'final',
    code: {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OBSA', display: 'Observation Alert' },
        // Where no Flag says what it is.
        ...(alert.flag === undefined ? [alertTypeOf(seen.type, canonical)] : []),
      ],
      text: seen.name ?? kindOf(seen.type).display,
    },
    severity: severities[seen.severity].issue,
    ...(patient !== undefined && { patient: { reference: patient } }),
    // A limit is found to be passed when the reading comes in, however old that is.
    identifiedDateTime: seen.since ?? new Date(now).toISOString(),
    ...(author && { author }),
    ...(implicated !== undefined && { implicated: [{ reference: implicated }] }),
    ...(evidence.length > 0 && { evidence: evidence.map((reference) => ({ detail: [{ reference }] })) }),
    detail: seen.text,
    ...(seen.acknowledged && { mitigation: [acknowledgedAtMaker(canonical, now)] }),
  };
}

function taskOf(seen: AlertSeen, alert: Alert, { canonical, now }: AlertSetting): Made {
  const { patient, device } = seen;
  const requester = deviceOf(device);
  const time = new Date(now).toISOString();
  const about = patient ?? seen.wearer ?? device;
  const focus = alert.flag === undefined ? (device ?? `DetectedIssue/${alert.issue}`) : `Flag/${alert.flag}`;
  return {
    resourceType: 'Task',
    id: alert.task,
    ...profile(seen, canonical, 'task'),
    identifier: [{ system: `${canonical}/sid/alert-task`, value: seen.identifier ?? alert.id }],
    status: seen.acknowledged ? 'accepted' : 'requested',
    intent: 'order',
    priority: severities[seen.severity].task,
    code: {
      coding: [{ system: `${canonical}/CodeSystem/task-kind`, code: alert.queue, display: queues[alert.queue] }],
    },
    description: seen.text,
    focus: { reference: focus },
    ...(about !== undefined && { for: { reference: about } }),
    authoredOn: time,
    lastModified: time,
    ...(requester && { requester }),
    reasonReference: { reference: `DetectedIssue/${alert.issue}` },
  };
}
