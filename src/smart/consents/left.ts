/** What is left of a Consent's rule for one caller at one moment: the caller, the time and the purpose are decided, the data is not yet. https://hl7.org/fhir/R4/consent.html */
import { isPurposeOf, purposesOfUse } from '../purposes.ts';
import { type Answer, isMeant, type Known } from './caller.ts';
import type { About, Code, Effect, Rule } from './provision.ts';

export interface Left {
  readonly effect?: Effect;
  /** Whether it is surely meant; if not, it may deny and cannot permit. */
  readonly isSure: boolean;
  readonly about: About;
  readonly except: readonly Left[];
}

/** Undefined for a rule that has nothing to do with the caller now. */
export function leftOf(rule: Rule, caller: Known, now: number): Left | undefined {
  const { effect, isUnclear, period, actors, purposes, about } = rule;
  if (period !== undefined && (now < period.low || now > period.high)) return undefined;
  const asked: readonly Answer[] = [
    isUnclear ? 'maybe' : 'yes',
    actors === undefined ? 'yes' : best(actors.map((actor) => isMeant(actor, caller))),
    purposes === undefined ? 'yes' : best(purposes.map((purpose) => isPurpose(purpose, caller.purposeOfUse))),
  ];
  if (asked.includes('no')) return undefined;
  const except = rule.except.flatMap((one) => leftOf(one, caller, now) ?? []);
  return { ...(effect && { effect }), isSure: !asked.includes('maybe'), about, except };
}

/** Whether it, or an exception of it, has the effect. */
export const has = (effect: Effect, rule: Rule | Left): boolean =>
  rule.effect === effect || rule.except.some((one) => has(effect, one));

const best = (answers: readonly Answer[]): Answer =>
  answers.includes('yes') ? 'yes' : answers.includes('maybe') ? 'maybe' : 'no';

function isPurpose([, code]: Code, asked: string | undefined): Answer {
  if (asked === undefined || code === '') return 'maybe';
  if (isPurposeOf(asked, code)) return 'yes';
  const isKnown = [asked, code].every((one) => one === 'PurposeOfUse' || purposesOfUse.includes(one));
  return isPurposeOf(code, asked) || !isKnown ? 'maybe' : 'no';
}
