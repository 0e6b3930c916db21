/** Tells whether looking again may help, when what a feed brings could not be stored. */
import { isOvertaken as isChanged, Problem } from '../../fhir/outcome.ts';

/** Somebody else stored the same, or changed what was to be changed. A feed sees all that it may write (access.ts): it is told so, and never that nothing is there. */
export const isOvertaken = (error: unknown): boolean =>
  isChanged(error) || (error instanceof Problem && error.code === 'lock-error');
