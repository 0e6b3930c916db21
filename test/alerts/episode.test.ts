import { describe, expect, it } from '@jest/globals';
import {
  type Alarm,
  after,
  endedBySomebody,
  HOLD_OFF,
  type Reading,
  reopenedBySomebody,
} from '../../src/alerts/episode.ts';

type Told = readonly [at: number, severity: Reading['severity'], trusted?: boolean, near?: boolean];

/** The steps that readings lead to, one after another. */
function steps(readings: readonly Told[], from?: Alarm, now = 1e9): { steps: string[]; alarm: Alarm | undefined } {
  let alarm = from;
  const steps = readings.map(([at, severity, trusted = true, near = false]) => {
    const turn = after(alarm, { at, severity, trusted, near }, now);
    alarm = turn.alarm;
    return turn.step;
  });
  return { steps, alarm };
}

describe('an episode', () => {
  it('opens once, is repeated, is raised once and ends after two normal readings', () => {
    const told: Told[] = [
      [1, 'abnormal'],
      [2, 'abnormal'],
      [3, 'critical'],
      [4, 'critical'],
      [5, 'abnormal'],
      [6, 'normal'],
      [7, 'normal'],
    ];

    expect(steps(told).steps).toEqual(['opened', 'repeated', 'raised', 'repeated', 'repeated', 'nothing', 'ended']);
  });

  it('needs two normal readings in a row', () => {
    const told: Told[] = [
      [1, 'abnormal'],
      [2, 'normal'],
      [3, 'abnormal'],
      [4, 'normal'],
      [5, 'normal'],
    ];

    expect(steps(told).steps).toEqual(['opened', 'nothing', 'repeated', 'nothing', 'ended']);
  });

  it('is followed by another when a reading lies outside five minutes after its end, and not a moment earlier', () => {
    const over: Told[] = [
      [1, 'critical'],
      [2, 'normal'],
      [3, 'normal'],
    ];
    const { steps: taken, alarm } = steps([...over, [3 + HOLD_OFF, 'abnormal']]);

    expect(taken.at(-1)).toBe('opened');
    expect(alarm).toMatchObject({ episode: 2, severity: 'abnormal', open: true });
    expect(steps([...over, [3 + HOLD_OFF - 1, 'abnormal']]).steps.at(-1)).toBe('nothing');
  });

  it('is followed by another at once when a reading is critical', () => {
    const { steps: taken, alarm } = steps([
      [1, 'abnormal'],
      [2, 'normal'],
      [3, 'normal'],
      [4, 'critical'],
    ]);

    expect(taken.at(-1)).toBe('opened');
    expect(alarm).toMatchObject({ episode: 2, severity: 'critical', open: true });
  });

  it('does not wait where somebody ended it', () => {
    const { alarm } = steps([[1, 'abnormal']]);

    expect(steps([[2, 'abnormal']], endedBySomebody(alarm!)).steps).toEqual(['opened']);
  });

  it('is not ended by readings within the dead band, and they do not break a row of normal ones', () => {
    const told: Told[] = [
      [1, 'abnormal'],
      [2, 'normal', true, true],
      [3, 'normal', true, true],
      [4, 'normal'],
      [5, 'normal', true, true],
      [6, 'normal'],
    ];

    expect(steps(told).steps).toEqual(['opened', 'nothing', 'nothing', 'nothing', 'nothing', 'ended']);
  });

  it('does not begin with a normal reading', () => {
    expect(
      steps([
        [1, 'normal'],
        [2, 'normal'],
      ]),
    ).toEqual({ steps: ['nothing', 'nothing'], alarm: undefined });
  });
});

describe('readings out of order', () => {
  it('a late normal reading from before the last one outside ends nothing', () => {
    expect(
      steps([
        [5, 'abnormal'],
        [3, 'normal'],
        [4, 'normal'],
        [6, 'normal'],
      ]).steps,
    ).toEqual(['opened', 'nothing', 'nothing', 'nothing']);
  });

  it('a late reading outside does not undo a newer normal one', () => {
    expect(
      steps([
        [1, 'abnormal'],
        [5, 'normal'],
        [3, 'abnormal'],
        [6, 'normal'],
      ]).steps.at(-1),
    ).toBe('ended');
  });

  it('two normal readings end it in whatever order they come', () => {
    expect(
      steps([
        [1, 'abnormal'],
        [5, 'normal'],
        [3, 'normal'],
      ]).steps.at(-1),
    ).toBe('ended');
  });

  it('a late reading within an episode that is over belongs to it', () => {
    expect(
      steps([
        [1, 'abnormal'],
        [3, 'normal'],
        [5, 'normal'],
        [2, 'abnormal'],
      ]).steps.at(-1),
    ).toBe('late');
  });

  it('a late critical reading within a warning that is over opens one of its own: nobody has been told of anything critical', () => {
    const warned: Told[] = [
      [1, 'abnormal'],
      [4, 'normal'],
      [5, 'normal'],
    ];

    expect(steps([...warned, [2, 'critical']])).toMatchObject({
      steps: ['opened', 'nothing', 'ended', 'opened'],
      alarm: { episode: 2, severity: 'critical', open: true },
    });
    expect(steps([...warned, [2, 'critical', false]]).steps.at(-1)).toBe('late');
    expect(
      steps([
        [1, 'critical'],
        [4, 'normal'],
        [5, 'normal'],
        [2, 'critical'],
      ]).steps.at(-1),
    ).toBe('late');
  });

  it('a late reading from before the episode opens one of its own', () => {
    expect(
      steps([
        [2, 'abnormal'],
        [3, 'normal'],
        [5, 'normal'],
        [1, 'abnormal'],
      ]).steps.at(-1),
    ).toBe('opened');
  });
});

describe('a corrected reading', () => {
  it('counts once: normal twice at one time is one normal reading', () => {
    expect(
      steps([
        [1, 'abnormal'],
        [2, 'normal'],
        [2, 'normal'],
      ]).steps.at(-1),
    ).toBe('nothing');
  });

  it('from outside to normal is the first normal reading', () => {
    expect(
      steps([
        [1, 'abnormal'],
        [1, 'normal'],
        [2, 'normal'],
      ]).steps,
    ).toEqual(['opened', 'nothing', 'ended']);
  });

  it('from normal to outside begins the count anew', () => {
    expect(
      steps([
        [1, 'abnormal'],
        [2, 'normal'],
        [2, 'abnormal'],
        [3, 'normal'],
      ]).steps.at(-1),
    ).toBe('nothing');
  });

  it('of the normal reading that ended it opens another', () => {
    expect(
      steps([
        [1, 'abnormal'],
        [2, 'normal'],
        [3, 'normal'],
        [3, 'critical'],
      ]).steps.at(-1),
    ).toBe('opened');
  });
});

describe('a poor signal', () => {
  it('opens nothing, raises nothing and ends nothing by itself', () => {
    expect(steps([[1, 'critical', false]]).steps).toEqual(['nothing']);
    expect(
      steps([
        [1, 'abnormal'],
        [2, 'critical', false],
      ]),
    ).toMatchObject({
      steps: ['opened', 'repeated'],
      alarm: { severity: 'abnormal' },
    });
    expect(
      steps([
        [1, 'abnormal'],
        [2, 'normal', false],
        [3, 'normal', false],
      ]).steps,
    ).not.toContain('ended');
  });
});

describe('a Flag that somebody ends', () => {
  const open = steps([[5, 'abnormal']]).alarm!;

  it('is followed by another at the next reading outside, even one of an earlier time', () => {
    expect(steps([[4, 'abnormal']], endedBySomebody(open)).steps).toEqual(['opened']);
  });

  it('goes on where somebody makes it active again', () => {
    const again = reopenedBySomebody(endedBySomebody(open));

    expect(
      steps(
        [
          [6, 'abnormal'],
          [7, 'normal'],
          [8, 'normal'],
        ],
        again,
      ).steps,
    ).toEqual(['repeated', 'nothing', 'ended']);
  });
});

describe('a reading of the future', () => {
  const minute = 60_000;
  const now = 1_000 * minute;
  const from = (alarm: Alarm | undefined, at: number, ...readings: readonly Told[]) => steps(readings, alarm, at);

  it('is of now: it opens an episode that readings of later end', () => {
    const { steps: opened, alarm } = from(undefined, now, [9e12, 'critical']);
    const later = now + 10 * minute;

    expect([opened, alarm]).toMatchObject([['opened'], { first: now, last: now }]);
    expect(from(alarm, later, [now + minute, 'normal'], [now + 2 * minute, 'normal']).steps.at(-1)).toBe('ended');
  });

  it('ends nothing for longer than now: what comes out of the limits tomorrow opens another', () => {
    const { alarm } = from(undefined, now, [now - 2, 'abnormal'], [now - 1, 'normal'], [9e12, 'normal']);

    expect(alarm).toMatchObject({ open: false, until: now });
    expect(from(alarm, now + 9 * minute, [now + 9 * minute, 'abnormal']).steps).toEqual(['opened']);
  });

  it('that was kept with its own time holds nothing up any more', () => {
    const kept: Alarm = { open: true, episode: 1, severity: 'abnormal', first: now - 1, last: 9e12 };
    const { alarm } = from(kept, now, [now - 1, 'normal']);

    expect(from(alarm, now + 2, [now + 1, 'normal'], [now + 2, 'normal']).steps.at(-1)).toBe('ended');
  });

  it('keeps its time where clocks differ by five minutes', () => {
    expect(from(undefined, now, [now + 5 * minute, 'abnormal']).alarm).toMatchObject({ last: now + 5 * minute });
    expect(from(undefined, now, [now + 5 * minute + 1, 'abnormal']).alarm).toMatchObject({ last: now });
  });
});
