/** A page shows what its reader may see, and nothing in the place of the rest. docs/dashboard.md */
import { Problem } from '../../fhir/outcome.ts';
import type { FoundPage } from '../../translators/cardiac/asker.ts';

/** What was found; nothing where the caller may not search there. */
export async function unlessForbidden(finding: Promise<FoundPage>): Promise<FoundPage> {
  try {
    return await finding;
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return { matches: [], all: new Map() };
    throw error;
  }
}
