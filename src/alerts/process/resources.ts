/**
 * What a step of the process writes: CommunicationRequest, Communication, Consent, Provenance, and the Task as it is then.
 * https://hl7.org/fhir/R4/communicationrequest.html, https://hl7.org/fhir/R4/communication.html, docs/escalation.md
 */
import { hash } from 'node:crypto';
import type { Resource } from '../../fhir/references.ts';
import { uuidv7 } from '../../runtime.ts';
import type { AlertSeverity } from '../alert.ts';
import type { ChannelKind } from '../channels/channel.ts';
import { severities } from '../severity.ts';
import type { Process } from './kept.ts';
import type { Answer, Stage } from './stages.ts';
import type { Group, Recipient } from './who.ts';

export type Made = Resource & { readonly id: string };

export interface Setting {
  readonly now: number;
  readonly canonical: string;
}

const HL7 = 'http://terminology.hl7.org/CodeSystem';
const iso = (at: number): string => new Date(at).toISOString();

/** The same for the same step. */
export const stepId = (process: Process, ...parts: readonly (string | number)[]): string =>
  uuidv7(0, hash('sha256', JSON.stringify([process.alert.id, process.steps, ...parts]), 'buffer'));

const flagOf = ({ alert }: Process): string =>
  alert.flag === undefined ? `DetectedIssue/${alert.issue}` : `Flag/${alert.flag}`;

/** What the alert is told of as. */
export const aboutOf = flagOf;

const profile = ({ canonical }: Setting, name: string) => ({
  meta: { profile: [`${canonical}/StructureDefinition/${name}`] },
});

const alertCategory = {
  coding: [{ system: `${HL7}/communication-category`, code: 'alert', display: 'Alert' }],
};

export const priorityFor = (severity: AlertSeverity, isRaised: boolean): 'routine' | 'urgent' | 'stat' =>
  isRaised || severity === 'critical' ? 'stat' : severities[severity].task;

const modes: Readonly<Record<ChannelKind, readonly [code: string, display: string]>> = {
  email: ['EMAILWRIT', 'email'],
  sms: ['TYPEWRIT', 'typewritten'],
  webhook: ['ELECTRONIC', 'electronic data'],
  'web-push': ['ELECTRONIC', 'electronic data'],
};

const medium = (kinds: readonly ChannelKind[]) =>
  [...new Map(kinds.map((kind) => modes[kind]))].map(([code, display]) => ({
    coding: [{ system: `${HL7}/v3-ParticipationMode`, code, display }],
  }));

const whoOf = ({ reference, display }: Recipient) => (reference === undefined ? { display } : { reference });

export interface Asking {
  readonly id: string;
  readonly process: Process;
  readonly status: 'active' | 'completed';
  readonly recipients: readonly Recipient[];
  readonly text: string;
  /** The deadline, where there is one. */
  readonly until: number | undefined;
  readonly priority: string;
  /** The request that it takes the place of. */
  readonly replaces: string | undefined;
  /** `Observation/1` that it was seen in. */
  readonly reason: string | undefined;
}

export function communicationRequest(asking: Asking, setting: Setting): Made {
  const { id, process, status, recipients, text, until, priority, replaces, reason } = asking;
  const { wearer, patient = wearer, device, id: alert } = process.alert;
  const kinds = recipients.flatMap(({ contacts }) => contacts.map(({ kind }) => kind));
  return {
    resourceType: 'CommunicationRequest',
    id,
    ...profile(setting, 'alert-communication-request'),
    identifier: [{ system: `${setting.canonical}/sid/alert-request`, value: `${alert}#${process.steps}` }],
    ...(replaces !== undefined && { replaces: [{ reference: `CommunicationRequest/${replaces}` }] }),
    groupIdentifier: { system: `${setting.canonical}/sid/alert`, value: alert },
    status,
    category: [alertCategory],
    priority,
    ...(kinds.length > 0 && { medium: medium(kinds) }),
    ...(patient !== undefined && { subject: { reference: patient } }),
    about: [{ reference: flagOf(process) }],
    payload: [{ contentString: text }],
    occurrencePeriod: { start: iso(setting.now), ...(until !== undefined && { end: iso(until) }) },
    authoredOn: iso(setting.now),
    ...(device?.startsWith('Device/') && { requester: { reference: device } }),
    ...(recipients.length > 0 && { recipient: recipients.map(whoOf) }),
    ...(reason !== undefined && { reasonReference: [{ reference: reason }] }),
  };
}

/** One message to one person over one channel, not sent yet. */
export function communication(
  of: { readonly id: string; readonly to: Recipient; readonly kind: ChannelKind } & Pick<
    Asking,
    'process' | 'text' | 'priority'
  > & { readonly request: string },
  setting: Setting,
): Made {
  const { id, to, kind, process, text, priority, request } = of;
  const { wearer, patient = wearer, device } = process.alert;
  return {
    resourceType: 'Communication',
    id,
    ...profile(setting, 'alert-communication'),
    basedOn: [{ reference: `CommunicationRequest/${request}` }],
    status: 'in-progress',
    category: [alertCategory],
    priority,
    medium: medium([kind]),
    ...(patient !== undefined && { subject: { reference: patient } }),
    about: [{ reference: flagOf(process) }],
    recipient: [whoOf(to)],
    ...(device?.startsWith('Device/') && { sender: { reference: device } }),
    payload: [{ contentString: text }],
  };
}

const DAY = 86_400_000;

/**
 * What the patient said to sharing this alert, for a day. A no is a Consent that was rejected: it says that nobody is told, and
 * takes from nobody what they may see anyway.
 */
export function consent(
  of: { readonly id: string; readonly process: Process; readonly answer: Answer; readonly team: string | undefined } & {
    readonly source: string;
    /** Who answered. */
    readonly performer: string;
  },
  setting: Setting,
): Made {
  const { id, process, answer, team, source, performer } = of;
  const isAllowed = answer === 'allow';
  const { patient } = process.alert;
  return {
    resourceType: 'Consent',
    id,
    ...profile(setting, 'alert-consent'),
    status: isAllowed ? 'active' : 'rejected',
    scope: { coding: [{ system: `${HL7}/consentscope`, code: 'patient-privacy', display: 'Privacy Consent' }] },
    category: [
      {
        coding: [
          {
            system: `${setting.canonical}/CodeSystem/consent-category`,
            code: 'alert-sharing',
            display: 'Sharing of one alert',
          },
        ],
      },
    ],
    patient: { reference: patient },
    dateTime: iso(setting.now),
    performer: [{ reference: performer }],
    policyRule: {
      coding: [
        {
          system: `${HL7}/v3-ActCode`,
          code: isAllowed ? 'OPTIN' : 'OPTOUT',
          display: isAllowed ? 'opt-in' : 'opt-out',
        },
      ],
    },
    provision: {
      type: isAllowed ? 'permit' : 'deny',
      period: { start: iso(setting.now), end: iso(setting.now + DAY) },
      ...(team !== undefined && {
        actor: [
          {
            role: {
              coding: [
                { system: `${HL7}/v3-ParticipationType`, code: 'PRCP', display: 'primary information recipient' },
              ],
            },
            reference: { reference: team },
          },
        ],
      }),
      action: [{ coding: [{ system: `${HL7}/consentaction`, code: 'disclose', display: 'Disclose' }] }],
      purpose: [{ system: `${HL7}/v3-ActReason`, code: 'TREAT', display: 'treatment' }],
      data: [{ meaning: 'instance', reference: { reference: flagOf(process) } }],
    },
    extension: [
      { url: `${setting.canonical}/StructureDefinition/consent-answer`, valueReference: { reference: source } },
    ],
  };
}

/** What becomes of the Task. */
export interface TaskStep {
  readonly stage: Stage;
  readonly owner?: Group['owner'];
  /** The deadline. */
  readonly until: number | undefined;
  readonly isRaised: boolean;
  readonly output?: { readonly text: string; readonly reference: string };
}

const displays: Readonly<Record<Stage, string>> = {
  detected: 'Detected',
  'ask-patient': 'The patient is asked',
  'ask-later': 'The patient is asked again later',
  denied: 'The patient said no',
  'notify-clinician': 'Clinicians are told',
  'notify-backup': 'The backup is told',
  'notify-ems': 'The emergency service is told',
  acknowledged: 'Somebody is looking',
  closed: 'Closed',
};

/** Its status is left as it is: who works on it says that. */
export function taskAt(task: any, step: TaskStep, { now, canonical }: Setting): any {
  const { stage, owner, until, isRaised, output } = step;
  const { end: _end, ...period } = task.restriction?.period ?? {};
  const restriction = {
    ...task.restriction,
    period: { start: iso(now), ...period, ...(until !== undefined && { end: iso(until) }) },
  };
  return {
    ...task,
    businessStatus: {
      coding: [{ system: `${canonical}/CodeSystem/alert-stage`, code: stage, display: displays[stage] }],
    },
    ...(isRaised && { priority: 'stat' }),
    ...(owner && { owner }),
    restriction,
    lastModified: iso(now),
    ...(output && {
      output: [
        ...(task.output ?? []),
        { type: { text: output.text }, valueReference: { reference: output.reference } },
      ],
    }),
  };
}

/** Says which step was taken, by which plan, out of what. */
export function provenance(
  of: {
    readonly process: Process;
    readonly targets: readonly string[];
    readonly stage: Stage;
    readonly plan: string;
    readonly sources: readonly string[];
    readonly isOverride: boolean;
  },
  { now, canonical }: Setting,
): Made {
  const { process, targets, stage, plan, sources, isOverride } = of;
  const device = process.alert.device;
  return {
    resourceType: 'Provenance',
    id: stepId(process, 'provenance'),
    target: targets.map((reference) => ({ reference })),
    recorded: iso(now),
    policy: [plan],
    ...(isOverride && {
      reason: [{ coding: [{ system: `${HL7}/v3-ActReason`, code: 'ETREAT', display: 'Emergency Treatment' }] }],
    }),
    activity: {
      coding: [{ system: `${canonical}/CodeSystem/alert-stage`, code: stage, display: displays[stage] }],
    },
    agent: [
      {
        type: { coding: [{ system: `${HL7}/provenance-participant-type`, code: 'assembler', display: 'Assembler' }] },
        who: { display: 'Watchfire' },
        ...(device?.startsWith('Device/') && { onBehalfOf: { reference: device } }),
      },
    ],
    entity: [
      { role: 'source', what: { reference: flagOf(process) } },
      ...sources.map((reference) => ({ role: 'derivation', what: { reference } })),
    ],
  };
}
