/** How many questions of a kind are under way at a time, so that what comes meanwhile shares the next. One that takes long holds nobody up any more. */

export interface Slots {
  isFree(): boolean;
  /** Returns what gives the slot back. */
  take(): () => void;
}

/** `slow` in ms; `onFree` is called whenever one is free again. */
export function createSlots(most: number, slow: number, onFree: () => void): Slots {
  let taken = 0;
  return {
    isFree: () => taken < most,
    take() {
      taken++;
      let isTaken = true;
      const giveBack = () => {
        clearTimeout(timer);
        if (!isTaken) return;
        isTaken = false;
        taken--;
        onFree();
      };
      const timer = setTimeout(giveBack, slow);
      return giveBack;
    },
  };
}
