/** Wakes work of this server that waits for its next look: what was written here need not be looked for. docs/escalation.md */

/** Rung where something to do was written on this server. */
export interface Bell {
  ring(): void;
  /** Aborts at the next ring. */
  next(): AbortSignal;
}

export function createBell(): Bell {
  let rung = new AbortController();
  return {
    ring() {
      rung.abort();
      rung = new AbortController();
    },
    next: () => rung.signal,
  };
}
