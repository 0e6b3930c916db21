/** Every path of the two-stage process, with every deadline one millisecond before, at and after it (2-066, 2-067, 2-068). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Plan, planOf } from '../../../src/alerts/process/plan.ts';
import { detected, type Event, next, type Standing } from '../../../src/alerts/process/stages.ts';

const definition = (severity: string) =>
  JSON.parse(readFileSync(new URL(`../../../profiles/PlanDefinition-alert-${severity}.json`, import.meta.url), 'utf8'));
const critical = planOf(definition('critical'));
const warning = planOf(definition('warning'));
const info = planOf(definition('info'));
const withEms: Plan = { ...critical, emsSeconds: 600 };
const start = Date.UTC(2026, 2, 29, 0, 58); // two minutes before summer time begins in Europe
const reachable = { canAsk: true, canCallEms: true };
const minutes = 60_000;

/** Plays events, each so many milliseconds after the start. */
function play(
  plan: Plan,
  events: readonly (readonly [at: number, is: Event])[],
  moment: { canAsk: boolean; canCallEms: boolean } = reachable,
) {
  let standing: Standing = detected(start);
  const path: string[] = [];
  for (const [at, is] of events) {
    const turn = next(standing, is, plan, { ...moment, now: start + at });
    standing = turn.standing;
    path.push([standing.stage, ...turn.deeds].join(' '));
  }
  return { path, standing };
}

describe('the shipped plans', () => {
  it('give the deadlines of docs/escalation.md', () => {
    expect(critical).toMatchObject({ askSeconds: undefined, clinicianSeconds: 300, backupSeconds: 600 });
    expect(critical).toMatchObject({ emsSeconds: undefined, isLifeThreatening: true, overridesDenial: true });
    expect(warning).toMatchObject({ askSeconds: 300, askLaterSeconds: 900, clinicianSeconds: 300, backupSeconds: 600 });
    expect(warning).toMatchObject({ emsSeconds: undefined, isLifeThreatening: false, overridesDenial: false });
    expect(info).toMatchObject({ askSeconds: undefined, clinicianSeconds: undefined, backupSeconds: undefined });
  });

  it('are refused with a sentence where they cannot be meant', () => {
    const broken = (action: object) => () => planOf({ resourceType: 'PlanDefinition', action: [action] });
    expect(broken({ id: 'ask-patient' })).toThrow('has an action notify-clinician');
    expect(broken({ id: 'call-grandmother' })).toThrow('has the id');
    expect(broken({ id: 'notify-clinician', timingDuration: { value: -1, code: 's' } })).toThrow('in s, min or h');
    expect(broken({ id: 'notify-clinician', timingDuration: { value: 5, code: 'mo' } })).toThrow('in s, min or h');
  });
});

describe('a warning', () => {
  it('asks the patient first (2-066)', () => {
    expect(play(warning, [[0, 'due']]).path).toEqual(['ask-patient ask']);
  });

  it('goes to clinicians when the patient allows it (2-067)', () => {
    expect(
      play(warning, [
        [0, 'due'],
        [1_000, 'allow'],
      ]).path,
    ).toEqual(['ask-patient ask', 'notify-clinician tell-clinician take-answer complete']); // prettier-ignore
  });

  it('is only logged when the patient says no, however much time passes (2-067)', () => {
    const { path, standing } = play(warning, [
      [0, 'due'],
      [1_000, 'deny'],
      [86_400_000, 'due'],
    ]);
    expect(path.slice(1)).toEqual(['denied take-answer complete', 'denied']);
    expect(standing.due).toBeUndefined();
  });

  it('asks again after a quarter of an hour whoever wants to be asked later, and then no more', () => {
    const later = 15 * minutes;
    const { path } = play(warning, [
      [0, 'due'],
      [1_000, 'ask-later'],
      [1_000 + later - 1, 'due'],
      [1_000 + later, 'due'],
      [2_000 + later, 'ask-later'],
      [2_000 + 2 * later, 'due'],
    ]);
    expect(path.slice(1)).toEqual([
      'ask-later take-answer complete',
      'ask-later',
      'ask-patient ask',
      'ask-later take-answer complete',
      'notify-clinician tell-clinician raise-priority',
    ]);
  });

  it('goes to clinicians where the patient cannot be reached', () => {
    expect(play(warning, [[0, 'due']], { canAsk: false, canCallEms: true }).path).toEqual([
      'notify-clinician tell-clinician',
    ]);
  });

  it('waits for the end of quiet hours, unless it is life-threatening', () => {
    const moment = { ...reachable, now: start, quietUntil: start + 60_000 };
    expect(next(detected(start), 'due', warning, moment)).toEqual({
      standing: { ...detected(start), due: start + 60_000 },
      deeds: [],
    });
    expect(next(detected(start), 'due', critical, moment).deeds).toEqual(['tell-clinician']);
  });
});

describe('what is critical', () => {
  it('skips the question by policy (2-067)', () => {
    expect(play(critical, [[0, 'due']]).path).toEqual(['notify-clinician tell-clinician']);
  });

  it('is told as over where it was before anybody heard of it, and a warning is not', () => {
    const over = (plan: Plan) => play(plan, [[0, 'ended']]).path;
    expect(over(critical)).toEqual(['closed tell-over withdraw']);
    expect(over(warning)).toEqual(['closed withdraw']);
    const raised = play(critical, [
      [0, 'raised'],
      [0, 'ended'],
      [90 * minutes, 'due'],
    ]);
    expect(raised.path.slice(1)).toEqual(['closed tell-over withdraw', 'closed']);
  });

  it('reaches the emergency service only where that is switched on and the address is known', () => {
    const late: readonly (readonly [number, Event])[] = [
      [0, 'due'],
      [5 * minutes, 'due'],
      [15 * minutes, 'due'],
      [25 * minutes, 'due'],
    ];
    const last = (plan: Plan, canCallEms: boolean) => play(plan, late, { canAsk: true, canCallEms }).path.slice(2);
    expect(last(withEms, true)).toEqual(['notify-ems tell-ems raise-priority', 'closed withdraw']);
    expect(last(withEms, false)).toEqual(['closed withdraw', 'closed']);
    expect(last(critical, true)).toEqual(['closed withdraw', 'closed']);
  });

  it('may be told to clinicians while the patient is asked', () => {
    const plan = { ...critical, askSeconds: 60, tellsAlongside: true };
    const { path } = play(plan, [
      [0, 'due'],
      [60_000, 'due'],
    ]);
    expect(path).toEqual(['ask-patient ask tell-alongside', 'notify-clinician tell-clinician raise-priority']);
  });

  it('is told in spite of a denial by policy, and else is not', () => {
    const denied: Standing = { ...detected(start), isDenied: true };
    const moment = { ...reachable, now: start };
    expect(next(denied, 'due', critical, moment).deeds).toEqual(['tell-clinician', 'override']);
    expect(next(denied, 'due', { ...critical, overridesDenial: false }, moment).standing.stage).toBe('denied');
  });
});

describe('what is for information', () => {
  it('waits in the queue and escalates nothing', () => {
    const { path, standing } = play(info, [
      [0, 'due'],
      [86_400_000, 'due'],
    ]);
    expect(path).toEqual(['notify-clinician tell-clinician', 'notify-clinician']);
    expect(standing.due).toBeUndefined();
  });
});

describe('every deadline', () => {
  const asked = play(warning, [[0, 'due']]).standing;
  const told = play(withEms, [[0, 'due']]).standing;
  const backup = play(withEms, [
    [0, 'due'],
    [5 * minutes, 'due'],
  ]).standing;
  const ems = play(withEms, [
    [0, 'due'],
    [5 * minutes, 'due'],
    [15 * minutes, 'due'],
  ]).standing;
  const later = play(warning, [
    [0, 'due'],
    [0, 'ask-later'],
  ]).standing;
  it.each([
    ['ask-patient', asked, warning, 'notify-clinician', 5 * minutes],
    ['ask-later', later, warning, 'ask-patient', 15 * minutes],
    ['notify-clinician', told, withEms, 'notify-backup', 5 * minutes],
    ['notify-backup', backup, withEms, 'notify-ems', 15 * minutes],
    ['notify-ems', ems, withEms, 'closed', 25 * minutes],
  ] as const)('of %s is kept to the millisecond (2-068)', (stage, standing, plan, then, at) => {
    const deadline = start + at;
    expect(standing).toMatchObject({ stage, due: deadline });
    const stageAt = (now: number) => next(standing, 'due', plan, { ...reachable, now }).standing.stage;
    expect([deadline - 1, deadline, deadline + 1].map(stageAt)).toEqual([stage, then, then]);
  });
});

describe('whoever acts', () => {
  const stages: readonly (readonly [number, Event])[][] = [
    [],
    [[0, 'due']],
    [
      [0, 'due'],
      [5 * minutes, 'due'],
    ],
    [
      [0, 'due'],
      [5 * minutes, 'due'],
      [15 * minutes, 'due'],
    ],
  ];
  it('stops the escalation by acknowledging, at every stage', () => {
    for (const before of stages) {
      const { path, standing } = play(withEms, [...before, [16 * minutes, 'acknowledged'], [90 * minutes, 'due']]);
      expect(path.slice(-2)).toEqual(['acknowledged complete', 'acknowledged']);
      expect(standing.due).toBeUndefined();
    }
  });

  it('starts the time of the stage anew by taking the acknowledgement back', () => {
    const { standing } = play(withEms, [
      [0, 'due'],
      [1_000, 'acknowledged'],
      [2_000, 'reopened'],
    ]);
    expect(standing).toMatchObject({ stage: 'notify-clinician', due: start + 2_000 + 5 * minutes });
  });

  it('ends it with the alert, at every stage', () => {
    for (const before of stages) {
      const { standing } = play(withEms, [...before, [16 * minutes, 'ended'], [90 * minutes, 'due']]);
      expect(standing).toMatchObject({ stage: 'closed', due: undefined });
    }
  });

  it('changes nothing by an answer that comes too late', () => {
    const { path } = play(warning, [
      [0, 'due'],
      [5 * minutes, 'due'],
      [6 * minutes, 'deny'],
    ]);
    expect(path.slice(1)).toEqual(['notify-clinician tell-clinician raise-priority', 'notify-clinician']);
  });

  it('begins again where the alert has become worse', () => {
    const { standing } = play(warning, [
      [0, 'due'],
      [1_000, 'deny'],
      [2_000, 'raised'],
    ]);
    expect(standing).toMatchObject({ stage: 'detected', due: start + 2_000, isDenied: true });
  });
});
