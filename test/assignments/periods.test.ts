import { describe, expect, it } from '@jest/globals';
import { type Assignment, assignmentOf, patientAt, spanOf, withAssignment } from '../../src/assignments/periods.ts';

const first: Assignment = { patient: 'Patient/1', use: 'a', to: 100 };
const second: Assignment = { patient: 'Patient/2', use: 'b', from: 100 };

describe('the patient at an instant', () => {
  it('is the one assigned then: the first for ever back, the next from its beginning on', () => {
    const both = [first, second];

    expect([0, 99, 100, 1e15].map((at) => patientAt(both, at))).toEqual([
      'Patient/1',
      'Patient/1',
      'Patient/2',
      'Patient/2',
    ]);
  });

  it('is nobody in a gap', () => {
    expect(patientAt([first, { ...second, from: 200 }], 150)).toBeUndefined();
    expect(patientAt([first], 99)).toBe('Patient/1');
    expect(patientAt([first], 100)).toBeUndefined();
    expect(patientAt([], 0)).toBeUndefined();
  });

  it('is the one whose assignment began last where two overlap', () => {
    const open = { ...first, to: undefined };

    expect(patientAt(withAssignment([second], open), 150)).toBe('Patient/2');
    expect(patientAt(withAssignment([open], second), 150)).toBe('Patient/2');
  });
});

describe('what a DeviceUseStatement means', () => {
  const statement = { id: 'u', status: 'active', subject: { reference: 'Patient/1' } };
  const meaning = (more: object, was?: Assignment, isFirst = false) =>
    assignmentOf({ ...statement, ...more }, 1_000, was, isFirst);

  it('without timing: the first reaches back, a later one begins when it is made', () => {
    expect(meaning({}, undefined, true)).toMatchObject({ from: undefined, to: undefined });
    expect(meaning({})).toMatchObject({ from: 1_000, to: undefined });
    expect(meaning({ recordedOn: '1970-01-01T00:00:00.500Z' })).toMatchObject({ from: 500 });
  });

  it('with a period: exactly that', () => {
    const timingPeriod = { start: '1970-01-01T00:00:01Z', end: '1970-01-01T00:00:02Z' };

    expect(meaning({ timingPeriod })).toMatchObject({ from: 1_000, to: 2_000 });
    expect(meaning({ timingPeriod: { end: '1970-01-02' } })).toMatchObject({ from: undefined, to: 2 * 86_400_000 });
  });

  it('over without saying since when: over since now', () => {
    expect(meaning({ status: 'completed' }, { patient: 'Patient/1', use: 'u' })).toMatchObject({
      from: undefined,
      to: 1_000,
    });
  });

  it('entered in error or intended: nothing', () => {
    expect(meaning({ status: 'entered-in-error' })).toBeUndefined();
    expect(meaning({ status: 'intended' })).toBeUndefined();
  });
});

it('a dateTime spans its precision', () => {
  expect(spanOf('1970')).toEqual({ from: 0, to: 365 * 86_400_000 });
  expect(spanOf('1970-02')).toEqual({ from: 31 * 86_400_000, to: 59 * 86_400_000 });
  expect(spanOf('1970-01-01T00:00:00+00:00')).toEqual({ from: 0, to: 1_000 });
  expect(spanOf('soon')).toBeUndefined();
});
