/** Drawn Consents against a slow reading of what they say; their order does not matter, and a further denial never shows more. docs/consents.md */
import { describe, expect, it } from '@jest/globals';
import { extract } from '../../../src/search/extract.ts';
import { surelyMatches } from '../../../src/search/match.ts';
import { targetsOf } from '../../../src/search/targets.ts';
import type { Known } from '../../../src/smart/consents/caller.ts';
import { leftOf } from '../../../src/smart/consents/left.ts';
import { type ConsentMode, narrowed, type Shape } from '../../../src/smart/consents/narrowing.ts';
import { paperOf } from '../../../src/smart/consents/provision.ts';
import { type Dice, dice } from '../../store/random-queries.ts';
import { actor, consent, label, ofType } from './consent-house.ts';

const now = Date.UTC(2026, 5, 15);
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
const resources: readonly any[] = ['a', 'b'].flatMap((patient) =>
  ['N', 'R', undefined].flatMap((mark) => [
    ...['1', '2'].map((code) => ({
      resourceType: 'Observation',
      id: `${patient}-${mark}-${code}`,
      ...(mark && { meta: { security: [label(mark)] } }),
      code: loinc(code),
      effectiveDateTime: code === '1' ? '2020-03-01' : '2025-03-01',
      subject: { reference: `Patient/${patient}` },
    })),
    {
      resourceType: 'Condition',
      id: `${patient}-${mark}`,
      ...(mark && { meta: { security: [label(mark)] } }),
      code: loinc('1'),
      recordedDate: '2025-03-01',
      subject: { reference: `Patient/${patient}` },
    },
  ]),
);
const entriesOf = new Map(resources.map((one) => [one, extract(one)]));
const callers = ['Practitioner/1', 'Practitioner/2', 'Organization/1'] as const;
const known = (who: string): Known => ({
  sure: new Set([who]),
  possible: new Set([who]),
  identifiers: new Set(),
  purposeOfUse: 'TREAT',
});

function provision(roll: Dice, depth: number): any {
  const type = roll.of(['deny', 'permit']);
  const some = <T>(share: number, make: () => T): T[] => (roll.chance(share) ? [make()] : []);
  const actors = some(0.4, () => actor(roll.of(callers)));
  const classes = some(0.4, () => ofType(roll.of(['Observation', 'Condition'])));
  const labels = some(0.2, () => label(roll.of(['N', 'R', 'V'])));
  const codes = some(0.2, () => loinc(roll.of(['1', '2'])));
  const purposes = some(0.2, () => ({ code: roll.of(['TREAT', 'HMARKT']) }));
  const nested = depth > 0 ? roll.some(2, () => provision(roll, depth - 1)) : [];
  return {
    type,
    ...(actors.length > 0 && { actor: actors }),
    ...(classes.length > 0 && { class: classes }),
    ...(labels.length > 0 && { securityLabel: labels }),
    ...(codes.length > 0 && { code: codes }),
    ...(purposes.length > 0 && { purpose: purposes }),
    ...(roll.chance(0.2) && { period: roll.of([{ end: '2026-01-01' }, { start: '2026-01-01' }]) }),
    ...(roll.chance(0.2) && { dataPeriod: roll.of([{ end: '2021' }, { start: '2021' }]) }),
    ...(nested.length > 0 && { provision: nested }),
  };
}
const drawn = (roll: Dice, id: string) =>
  consent(id, provision(roll, 2), { patient: { reference: roll.of(['Patient/a', 'Patient/b']) } });

const rank = (code: string) => ['U', 'L', 'M', 'N', 'R', 'V'].indexOf(code);

/** What a provision says of one resource, read element by element; undefined: nothing. */
function said(one: any, who: string, resource: any): 'deny' | 'permit' | undefined {
  if (one.actor && !one.actor.some(({ reference }: any) => reference.reference === who)) return undefined;
  if (one.purpose && !one.purpose.some(({ code }: any) => code === 'TREAT')) return undefined;
  if (one.period?.end) return undefined;
  if (one.class && !one.class.some(({ code }: any) => code === resource.resourceType)) return undefined;
  const [{ code }] = resource.code.coding;
  if (one.code && !one.code.some(({ coding }: any) => coding[0].code === code)) return undefined;
  const year = Number((resource.effectiveDateTime ?? resource.recordedDate).slice(0, 4));
  if (one.dataPeriod && (one.dataPeriod.end ? year > 2021 : year < 2021)) return undefined;
  const mark = resource.meta?.security[0].code ?? 'N';
  const isLabelled = (effect: 'deny' | 'permit') =>
    !one.securityLabel ||
    one.securityLabel.some(({ code: to }: any) =>
      effect === 'permit' ? rank(mark) <= rank(to) : rank(mark) >= rank(to),
    );
  const inner = (one.provision ?? []).map((nested: any) => said(nested, who, resource));
  const exception = inner.includes('deny') ? 'deny' : inner.includes('permit') ? 'permit' : undefined;
  const effect = exception ?? one.type;
  return isLabelled(effect) ? effect : undefined;
}

function isOpen(consents: readonly any[], mode: ConsentMode, who: string, resource: any): boolean {
  const effects = consents
    .filter(({ patient }) => patient.reference === resource.subject.reference)
    .map((one) => said(one.provision, who, resource));
  return !effects.includes('deny') && (mode === 'deny-list' || effects.includes('permit'));
}

function shown(consents: readonly any[], mode: ConsentMode, who: string): readonly string[] {
  const shapes: Shape[] = consents.flatMap((one) => {
    const paper = paperOf(one)!;
    const left = leftOf(paper.rule, known(who), now);
    return left ? [{ left, patients: targetsOf([paper.patient]) }] : [];
  });
  const criteria = new Map(
    ['Observation', 'Condition'].map((type) => [type, narrowed({ mode, shapes }, type, 'r')] as const),
  );
  return resources
    .filter((resource) => {
      const criterion = criteria.get(resource.resourceType);
      const key = { type: resource.resourceType, id: resource.id };
      return criterion === undefined || surelyMatches(criterion, entriesOf.get(resource)!, key);
    })
    .map(({ resourceType, id }) => `${resourceType}/${id}`);
}

const modes: readonly ConsentMode[] = ['deny-list', 'opt-in'];

describe('400 drawn lists of Consents', () => {
  const roll = dice(20261128);
  const lists = Array.from({ length: 400 }, () =>
    Array.from({ length: 1 + roll.below(4) }, (_, i) => drawn(roll, `${i}`)),
  );
  const shuffled = <T>(list: readonly T[]): T[] =>
    list
      .map((one) => [roll.below(1_000_000), one] as const)
      .sort(([a], [b]) => a - b)
      .map(([, one]) => one);

  it('open what they say, word by word', () => {
    const opened = new Set<number>();
    for (const mode of modes)
      for (const list of lists) {
        const who = roll.of(callers);
        const expected = resources
          .filter((one) => isOpen(list, mode, who, one))
          .map((one) => `${one.resourceType}/${one.id}`);
        const found = shown(list, mode, who);
        // Only then all of it is told: comparing it costs more than all the rest.
        if (found.join() !== expected.join())
          expect({ list, mode, who, found }).toEqual({ list, mode, who, found: expected });
        opened.add(expected.length);
      }
    // Nothing, all, and much in between.
    expect(opened.size).toBeGreaterThan(10);
  });

  it('open the same in any order', () => {
    for (const list of lists) {
      const [mode, who] = [roll.of(modes), roll.of(callers)];
      expect(shown(shuffled(list), mode, who).join()).toBe(shown(list, mode, who).join());
    }
  });

  it('open no more with a denial added, and what opt-in opens is open without', () => {
    for (const list of lists) {
      const who = roll.of(callers);
      const { provision: more, ...rest } = drawn(roll, 'more');
      const denial = { ...rest, provision: { ...more, type: 'deny', provision: undefined } };
      for (const mode of modes) {
        const before = new Set(shown(list, mode, who));
        expect(shown([...list, denial], mode, who).filter((key) => !before.has(key))).toEqual([]);
      }
      const open = new Set(shown(list, 'deny-list', who));
      expect(shown(list, 'opt-in', who).filter((key) => !open.has(key))).toEqual([]);
    }
  });
});
