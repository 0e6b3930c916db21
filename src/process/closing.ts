/** Closes what was opened, in the opposite order, whatever fails on the way. */

/** Steps that undo what was opened. */
export interface Closing {
  add(step: () => unknown): void;
  /** The other way round. What fails to close does not keep the rest open; the first failure is thrown. */
  all(): Promise<void>;
}

export function createClosing(): Closing {
  const steps: (() => unknown)[] = [];
  return {
    add: (step) => {
      steps.push(step);
    },
    async all() {
      const failures: unknown[] = [];
      for (const step of steps.splice(0).reverse()) {
        try {
          await step();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
