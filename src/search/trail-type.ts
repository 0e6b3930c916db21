/** AuditEvents stand in a log of their own, which only a search of the type itself reads: what leads there is refused. docs/search.md */
import { unsupported } from './refusals.ts';

export const ofTrail = 'AuditEvent';

/** Throws not-supported where a chain, `_has` or an include would look for resources of the type among those stored. */
export function demandStored(name: string, type: string): void {
  if (type === ofTrail) throw unsupported(name, `leads to ${ofTrail}, which is searched on its own`);
}
