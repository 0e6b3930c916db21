/** Tells whether looking again may help, when what a feed brings could not be stored. */
import { Problem } from '../../fhir/outcome.ts';

/** Somebody else stored the same, or changed what was to be changed. */
export const isOvertaken = (error: unknown): boolean =>
  error instanceof Problem && ([409, 412].includes(error.status) || error.code === 'lock-error');
