/** What a patient is told of an answer is what the table of stages then does. docs/escalation.md#answers */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Process } from '../../../src/alerts/process/kept.ts';
import { type Plan, planOf } from '../../../src/alerts/process/plan.ts';
import { outcomeOf } from '../../../src/alerts/process/question.ts';
import { type Answer, detected, type Event, next, type Standing } from '../../../src/alerts/process/stages.ts';

const now = Date.UTC(2026, 0, 1);
const moment = { now, canAsk: true, canCallEms: false };
const shipped = (severity: string): Plan =>
  planOf(
    JSON.parse(
      readFileSync(new URL(`../../../profiles/PlanDefinition-alert-${severity}.json`, import.meta.url), 'utf8'),
    ),
  ); // prettier-ignore
const warning = shipped('warning');
const alongside: Plan = { ...warning, tellsAlongside: true };
const dangerous: Plan = { ...warning, overridesDenial: true };

/** A process after these events, with a question that is open as far as its stage says. */
function after(plan: Plan, events: readonly Event[], heard: readonly Exclude<Event, 'due'>[] = []): Process {
  let standing: Standing = detected(now);
  for (const event of events) standing = next(standing, event, plan, { ...moment, now: standing.due ?? now }).standing;
  const alert = { id: 'a', issue: 'i', task: 't', type: 'x', severity: 'warning', patient: 'Patient/1' } as const;
  return { ...standing, alert, heard: heard.map((is) => ({ is, at: now })), steps: 1, requests: ['asks'], told: [] };
}
const said = (plan: Plan, process: Process, answer: Answer) =>
  outcomeOf({ process, revision: 1, request: 'asks', plan }, answer, now);
const all = (plan: Plan, process: Process) =>
  (['allow', 'deny', 'ask-later'] as const).map((answer) => said(plan, process, answer));

describe('an answer in time', () => {
  it('is promised what the plan does', () => {
    expect(all(warning, after(warning, ['due']))).toEqual(['told', 'nobody', 'asked-again']);
    expect(all(dangerous, after(dangerous, ['due']))).toEqual(['told', 'told-anyway', 'asked-again']);
    expect(all(alongside, after(alongside, ['due']))).toEqual(['told-before', 'told-before', 'asked-again']);
    const noLater = { ...warning, askLaterSeconds: undefined };
    expect(said(noLater, after(noLater, ['due']), 'ask-later')).toBe('told');
    const listed = { ...warning, clinicianSeconds: undefined };
    expect(all(listed, after(listed, ['due']))).toEqual(['listed', 'nobody', 'asked-again']);
  });

  it('is not promised a further question where the plan asks no more', () => {
    const twice = after(warning, ['due', 'ask-later', 'due']);
    expect(all(warning, twice)).toEqual(['told', 'nobody', 'told-later']);
  });

  it('may be changed while the patient wants to be asked later', () => {
    expect(all(warning, after(warning, ['due', 'ask-later']))).toEqual(['told', 'nobody', 'asked-again']);
  });
});

describe('an answer that comes too late', () => {
  it.each<[string, readonly Event[]]>([
    ['a no', ['due', 'deny']],
    ['a yes', ['due', 'allow']],
    ['the deadline', ['due', 'due']],
    ['somebody accepted the Task', ['due', 'acknowledged']],
    ['the alert was over', ['due', 'ended']],
    ['it got worse', ['due', 'raised']],
  ])('after %s is promised nothing, also before the step is taken', (_, events) => {
    expect(all(warning, after(warning, events))).toEqual(['over', 'over', 'over']);
    const [last] = events.slice(1) as [Event];
    if (last === 'due') return;
    expect(all(warning, after(warning, ['due'], [last]))).toEqual(['over', 'over', 'over']);
  });

  it('to a question that another one took the place of is promised nothing', () => {
    const process = { ...after(warning, ['due']), requests: ['another'] };
    expect(all(warning, process)).toEqual(['over', 'over', 'over']);
  });
});
