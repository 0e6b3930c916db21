/** How a test looks at what is refused. */
import { Problem } from '../../src/fhir/outcome.ts';

/** The problem with which this is refused; fails where it is accepted. */
export function refused(ask: () => unknown): Problem {
  try {
    ask();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error(`accepted: ${ask}`);
}
