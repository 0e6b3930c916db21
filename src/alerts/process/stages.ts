/** The two-stage process of an alert as a pure table: stage, event and the moment give the next stage and what is to be done. docs/escalation.md */
import type { Plan } from './plan.ts';

/** Codes of CodeSystem/alert-stage. */
export type Stage =
  /** Nothing has been done yet, or it has become worse and begins again. */
  | 'detected'
  | 'ask-patient'
  /** The patient wants to be asked again. */
  | 'ask-later'
  | 'denied'
  | 'notify-clinician'
  | 'notify-backup'
  | 'notify-ems'
  | 'acknowledged'
  | 'closed';

export type Answer = 'allow' | 'deny' | 'ask-later';

/** `due`: the deadline of the stage has come. The rest is what others did. */
export type Event = 'due' | Answer | 'acknowledged' | 'reopened' | 'raised' | 'ended';

export interface Standing {
  readonly stage: Stage;
  /** When the stage ends by itself, in milliseconds; left out where it does not. */
  readonly due?: number;
  /** How often the patient has been asked. */
  readonly asked: number;
  /** The patient has said no to this alert. */
  readonly isDenied: boolean;
  /** Clinicians have been told already, beside the question. */
  readonly isTold: boolean;
  /** Where an acknowledgement that is taken back leads; left out where there is none that holds. */
  readonly before?: Stage;
}

export type Deed =
  | 'ask'
  /** What the patient answered is kept: a Consent, and the output of the Task. */
  | 'take-answer'
  /** Clinicians are told while the patient is asked. */
  | 'tell-alongside'
  | 'tell-clinician'
  /** What is life-threatening was over before anybody heard of it, as with values that a device sends late: they hear that it was. */
  | 'tell-over'
  | 'tell-backup'
  | 'tell-ems'
  /** The request that is open was answered. */
  | 'complete'
  /** The request that is open is taken back. */
  | 'withdraw'
  /** Told in spite of a denial, by the policy for what is life-threatening. */
  | 'override'
  /** Nobody did anything in time: more urgent, and somebody else's. */
  | 'raise-priority';

/** What is known of the moment besides. */
export interface Moment {
  readonly now: number;
  /** The patient can be reached at all. */
  readonly canAsk: boolean;
  /** An emergency service with an address is configured, and where the patient lives is known. */
  readonly canCallEms: boolean;
  /** Until then nobody is to be disturbed; left out where anybody may be. */
  readonly quietUntil?: number;
  /** The alert was entered in error: that it was is no news. */
  readonly isInError?: boolean;
}

export interface Turn {
  readonly standing: Standing;
  readonly deeds: readonly Deed[];
}

export const detected = (now: number): Standing => ({
  stage: 'detected',
  due: now,
  asked: 0,
  isDenied: false,
  isTold: false,
});

/** An event that means nothing at this stage changes nothing. */
export function next(standing: Standing, event: Event, plan: Plan, moment: Moment): Turn {
  const { stage } = standing;
  switch (event) {
    case 'ended':
      if (stage === 'closed') return nothing(standing);
      return rest(
        standing,
        'closed',
        isUnheardOf(standing, plan) && !moment.isInError ? ['tell-over', 'withdraw'] : ['withdraw'],
      );
    case 'raised':
      return { standing: { ...anew(standing), stage: 'detected', due: moment.now, isTold: false }, deeds: [] };
    case 'acknowledged':
      if (stage === 'acknowledged' || stage === 'closed') return nothing(standing);
      return rest({ ...standing, before: stage }, 'acknowledged', ['complete']);
    case 'reopened':
      return reopened(standing, plan, moment);
    case 'allow':
    case 'deny':
    case 'ask-later':
      return stage === 'ask-patient' || stage === 'ask-later'
        ? answered(standing, event, plan, moment)
        : nothing(standing);
    case 'due':
      return standing.due === undefined || moment.now < standing.due ? nothing(standing) : due(standing, plan, moment);
  }
}

const isUnheardOf = ({ stage, isDenied }: Standing, { isLifeThreatening, overridesDenial }: Plan): boolean =>
  stage === 'detected' && isLifeThreatening && (!isDenied || overridesDenial);

const nothing = (standing: Standing): Turn => ({ standing, deeds: [] });

const rest = (standing: Standing, stage: Stage, deeds: readonly Deed[]): Turn => ({
  standing: { ...standing, stage, due: undefined },
  deeds,
});

function due(standing: Standing, plan: Plan, moment: Moment): Turn {
  switch (standing.stage) {
    case 'detected':
      if (moment.quietUntil !== undefined && moment.now < moment.quietUntil && !plan.isLifeThreatening)
        return { standing: { ...standing, due: moment.quietUntil }, deeds: [] };
      return begin(standing, plan, moment);
    case 'ask-patient':
      return tell(standing, plan, moment, ['raise-priority']);
    case 'ask-later':
      return standing.asked < plan.mostAsks && moment.canAsk
        ? ask(standing, plan, moment)
        : tell(standing, plan, moment, ['raise-priority']);
    case 'notify-clinician':
      return plan.backupSeconds === undefined
        ? rest(standing, 'closed', ['withdraw'])
        : wait(standing, 'notify-backup', plan.backupSeconds, moment, ['tell-backup', 'raise-priority']);
    case 'notify-backup':
      return plan.emsSeconds !== undefined && moment.canCallEms
        ? wait(standing, 'notify-ems', plan.emsSeconds, moment, ['tell-ems', 'raise-priority'])
        : rest(standing, 'closed', ['withdraw']);
    case 'notify-ems':
      return rest(standing, 'closed', ['withdraw']);
    default:
      return nothing({ ...standing, due: undefined });
  }
}

function begin(standing: Standing, plan: Plan, moment: Moment): Turn {
  if (standing.isDenied)
    return plan.overridesDenial ? tell(standing, plan, moment, ['override']) : rest(standing, 'denied', []);
  return plan.askSeconds !== undefined && moment.canAsk
    ? ask(standing, plan, moment)
    : tell(standing, plan, moment, []);
}

function ask(standing: Standing, plan: Plan, moment: Moment): Turn {
  const turn = wait(standing, 'ask-patient', plan.askSeconds!, moment, ['ask']);
  const isAlongside = plan.tellsAlongside && !standing.isTold;
  return {
    standing: { ...turn.standing, asked: standing.asked + 1, isTold: standing.isTold || isAlongside },
    deeds: isAlongside ? ['ask', 'tell-alongside'] : ['ask'],
  };
}

/** Clinicians are told; where they know already, only their time begins. */
function tell(standing: Standing, plan: Plan, moment: Moment, deeds: readonly Deed[]): Turn {
  const turn = wait(standing, 'notify-clinician', plan.clinicianSeconds, moment, ['tell-clinician', ...deeds]);
  return { ...turn, standing: { ...turn.standing, isTold: true } };
}

function answered(standing: Standing, answer: Answer, plan: Plan, moment: Moment): Turn {
  if (answer === 'ask-later') {
    return plan.askLaterSeconds === undefined
      ? tell(standing, plan, moment, ['take-answer', 'complete'])
      : wait(standing, 'ask-later', plan.askLaterSeconds, moment, ['take-answer', 'complete']);
  }
  if (answer === 'allow') return tell({ ...standing, isDenied: false }, plan, moment, ['take-answer', 'complete']);
  const denied = { ...standing, isDenied: true };
  return plan.overridesDenial
    ? tell(denied, plan, moment, ['take-answer', 'complete', 'override'])
    : rest(denied, 'denied', ['take-answer', 'complete']);
}

/** Nobody has it any more. */
const anew = ({ before: _, ...standing }: Standing): Standing => standing;

/** Somebody took the acknowledgement back: whoever was waited for has the whole time again. */
function reopened(before: Standing, plan: Plan, moment: Moment): Turn {
  const standing = anew(before);
  if (before.stage === 'closed')
    return { standing: { ...standing, stage: 'detected', due: moment.now, isTold: false }, deeds: [] };
  if (before.stage !== 'acknowledged') return nothing(before);
  switch (before.before) {
    case 'notify-clinician':
      return wait(standing, 'notify-clinician', plan.clinicianSeconds, moment, ['tell-clinician']);
    case 'notify-backup':
      return wait(standing, 'notify-backup', plan.backupSeconds, moment, ['tell-backup']);
    case 'notify-ems':
      return wait(standing, 'notify-ems', plan.emsSeconds, moment, ['tell-ems']);
    case 'denied':
      return rest(standing, 'denied', []);
    default:
      return { standing: { ...standing, stage: 'detected', due: moment.now, isTold: false }, deeds: [] };
  }
}

function wait(
  standing: Standing,
  stage: Stage,
  seconds: number | undefined,
  { now }: Moment,
  deeds: readonly Deed[],
): Turn {
  return {
    standing: { ...standing, stage, due: seconds === undefined ? undefined : now + seconds * 1_000 },
    deeds,
  };
}
