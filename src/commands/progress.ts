/** How far a long command has come: a bar that is written over where somebody watches, plain lines where nobody does. */

export interface Progress {
  /** `what` is a word such as `imported`; another word begins anew. */
  show(what: string, done: number, of: number): void;
  /** Takes the bar away. */
  clear(): void;
}

export interface ProgressOut {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Ms between two bars, and between two lines. */
const BAR_EVERY = 100;
const LINE_EVERY = 5_000;
/** Ms before which a rate says nothing. */
const SOME = 500;

const grouped = new Intl.NumberFormat('en-US');
export const number = (value: number): string => grouped.format(Math.round(value));

function lasting(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5_400) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}

export function createProgress(out: ProgressOut, now: () => number): Progress {
  let phase = '';
  let begun = { at: 0, done: 0 };
  let shown = 0;
  let hasBar = false;

  const clear = () => {
    if (hasBar) out.write('\r\x1b[2K');
    hasBar = false;
  };

  return {
    show(what, done, of) {
      const at = now();
      if (what !== phase) {
        phase = what;
        begun = { at, done };
        shown = at;
        return;
      }
      if (at - shown < (out.isTTY ? BAR_EVERY : LINE_EVERY)) return;
      shown = at;
      const most = Math.max(of, done);
      const rate = ((done - begun.done) * 1_000) / (at - begun.at);
      const speed =
        at - begun.at < SOME || rate === 0 ? '' : `  ${number(rate)}/s  ${lasting((most - done) / rate)} left`;
      const percent = `${Math.floor((100 * done) / Math.max(1, most))}%`;
      const told = `${percent.padStart(4)}  ${number(done)} of ${number(most)}${speed}`;
      if (!out.isTTY) {
        out.write(`${what} ${told.trim()}\n`);
        return;
      }
      const width = Math.min(40, (out.columns || 80) - what.length - told.length - 6);
      const filled = Math.round((width * done) / Math.max(1, most));
      const bar = width < 5 ? '' : `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] `;
      out.write(`\r\x1b[2K${what} ${bar}${told}`);
      hasBar = true;
    },
    clear,
  };
}
