/** Lets so many work at a time; those who are urgent go first. */
export interface Turns {
  /** Waits for a turn and works; the turn ends with the work. */
  take<T>(isUrgent: boolean, work: () => Promise<T>): Promise<T>;
}

export function createTurns(limit: number): Turns {
  const urgent: (() => void)[] = [];
  const others: (() => void)[] = [];
  let free = limit;
  return {
    async take(isUrgent, work) {
      if (free > 0) free--;
      else await new Promise<void>((go) => (isUrgent ? urgent : others).push(go));
      try {
        return await work();
      } finally {
        const next = urgent.shift() ?? others.shift();
        if (next) next();
        else free++;
      }
    },
  };
}
