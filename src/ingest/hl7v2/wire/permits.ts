/** So many at a time, the others in line: what bounds the memory that large messages take. */

export interface Permits {
  /** Resolves with what gives it back; undefined where the signal aborted first. */
  take(signal: AbortSignal): Promise<(() => void) | undefined>;
}

export function createPermits(most: number): Permits {
  let free = most;
  const line: ((giveBack: () => void) => void)[] = [];
  function giveBack(): () => void {
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      const next = line.shift();
      if (next) next(giveBack());
      else free++;
    };
  }
  return {
    async take(signal) {
      if (signal.aborted) return undefined;
      if (free > 0) {
        free--;
        return giveBack();
      }
      return new Promise((resolve) => {
        const mine = (back: () => void) => {
          signal.removeEventListener('abort', leave);
          resolve(back);
        };
        const leave = () => {
          line.splice(line.indexOf(mine), 1);
          resolve(undefined);
        };
        signal.addEventListener('abort', leave, { once: true });
        line.push(mine);
      });
    },
  };
}
