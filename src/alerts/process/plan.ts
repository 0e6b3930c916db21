/**
 * Who is told of an alert, in which order and how long each is waited for: a PlanDefinition for each severity. A stored one goes
 * before the shipped one. https://hl7.org/fhir/R4/plandefinition.html, docs/escalation.md
 */
import { readFileSync } from 'node:fs';
import { problem } from '../../fhir/outcome.ts';
import type { Resource } from '../../fhir/references.ts';
import type { Prepare } from '../../interactions/write.ts';
import { plainQuery } from '../../search/query.ts';
import type { Look } from '../../store/store.ts';
import type { AlertSeverity } from '../alert.ts';

/** Spans in seconds. */
export interface Plan {
  /** How long the patient's answer is waited for; left out where the patient is not asked. */
  readonly askSeconds?: number;
  /** After which the patient is asked again who wanted to be asked later. */
  readonly askLaterSeconds?: number;
  readonly mostAsks: number;
  /** Clinicians are told while the patient is asked. */
  readonly tellsAlongside: boolean;
  /** Left out: it waits in the queue, and nobody is sent a message. */
  readonly clinicianSeconds?: number;
  /** Left out: nobody comes after the clinicians. */
  readonly backupSeconds?: number;
  /** Left out: no emergency service is called. */
  readonly emsSeconds?: number;
  /** Not held back by quiet hours. */
  readonly isLifeThreatening: boolean;
  /** Clinicians are told although the patient said no. */
  readonly overridesDenial: boolean;
  /** Codes of CareTeam.participant.role that are told at a stage; everybody where it is empty. */
  readonly clinicians: readonly string[];
  readonly backup: readonly string[];
  /** Canonical of the PlanDefinition. */
  readonly canonical: string;
}

const units: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3_600 };
const known = new Set(['ask-patient', 'ask-later', 'notify-clinician', 'notify-backup', 'notify-ems']);
const LONGEST = 7 * 24 * 3_600;

/** Whether it is one of ours, and for which severity. */
export const severityOf = (definition: Resource): AlertSeverity | undefined => {
  const value = definition['identifier']?.find((one: any) => one.system?.endsWith('/sid/alert-plan'))?.value;
  return value === 'critical' || value === 'warning' || value === 'info' ? value : undefined;
};

/** Throws a sentence for a plan that cannot be meant. */
export function planOf(definition: Resource): Plan {
  const actions = new Map<string, any>();
  for (const action of definition['action'] ?? []) {
    if (!known.has(action.id)) throw new Error(`an action of an alert plan has the id ${[...known].join(', ')}`);
    // Whoever has to be chosen first is not told until a site does so.
    if (action.precheckBehavior !== 'no') actions.set(action.id, action);
  }
  const clinician = actions.get('notify-clinician');
  if (!clinician) throw new Error('an alert plan has an action notify-clinician');
  const seconds = (id: string): number | undefined => {
    const action = actions.get(id);
    return action === undefined ? undefined : secondsOf(id, action.timingDuration);
  };
  const clinicianSeconds = clinician.timingDuration === undefined ? undefined : seconds('notify-clinician');
  return {
    askSeconds: seconds('ask-patient'),
    askLaterSeconds: seconds('ask-later'),
    mostAsks: 2,
    tellsAlongside: clinician.relatedAction?.some((one: any) => one.relationship === 'concurrent-with-start') === true,
    clinicianSeconds,
    backupSeconds: seconds('notify-backup'),
    emsSeconds: seconds('notify-ems'),
    isLifeThreatening: says(definition, 'alert-life-threatening'),
    overridesDenial: says(definition, 'alert-overrides-denial'),
    clinicians: rolesOf(clinician),
    backup: rolesOf(actions.get('notify-backup')),
    canonical: `${definition['url'] ?? `PlanDefinition/${definition.id}`}|${definition['version'] ?? '1'}`,
  };
}

function secondsOf(id: string, duration: any): number {
  const factor = units[duration?.code];
  const seconds = Number(duration?.value) * (factor ?? Number.NaN);
  if (!(seconds > 0 && seconds <= LONGEST) || !Number.isInteger(seconds * 1_000))
    throw new Error(`${id} of an alert plan gives its deadline as timingDuration in s, min or h, of a week at most`);
  return seconds;
}

const says = (definition: Resource, name: string): boolean =>
  definition['extension']?.some(
    ({ url, valueBoolean }: any) => url.endsWith(`/StructureDefinition/${name}`) && valueBoolean === true,
  ) === true;

const rolesOf = (action: any): readonly string[] =>
  (action?.participant ?? []).flatMap(({ role }: any) => (role?.coding ?? []).map(({ code }: any) => code));

const shipped = new Map<AlertSeverity, Plan>();

function shippedPlan(severity: AlertSeverity): Plan {
  let plan = shipped.get(severity);
  if (!plan) {
    const file = new URL(`../../../profiles/PlanDefinition-alert-${severity}.json`, import.meta.url);
    shipped.set(severity, (plan = planOf(JSON.parse(readFileSync(file, 'utf8')))));
  }
  return plan;
}

/** The plan that holds now. One that is stored and cannot be meant is passed over: an alert must not end with it. */
export async function planFor(severity: AlertSeverity, look: Pick<Look, 'search'>): Promise<Plan> {
  const query = plainQuery('PlanDefinition', { is: 'key', name: 'PlanDefinition.identifier', first: severity }, 20);
  const { matches } = await look.search(query, undefined);
  const stored = matches
    .map(({ text, lastUpdated }) => ({ definition: JSON.parse(text) as Resource, lastUpdated }))
    .filter(({ definition }) => definition['status'] === 'active' && severityOf(definition) === severity)
    .sort((a, b) => b.lastUpdated - a.lastUpdated);
  for (const { definition } of stored) {
    try {
      return planOf(definition);
    } catch {
      // The next one, or the shipped one.
    }
  }
  return shippedPlan(severity);
}

/** An active plan that cannot be meant is refused when it is handed in. What other servers, or older ones, stored is passed over. */
export const preparePlan: Prepare = async ({ incoming }) => {
  const { resource } = incoming;
  if (resource['status'] === 'active' && severityOf(resource) !== undefined) {
    try {
      planOf(resource);
    } catch (error) {
      throw problem('business-rule', (error as Error).message, { expression: 'PlanDefinition.action' });
    }
  }
  return { incoming, also: [] };
};
