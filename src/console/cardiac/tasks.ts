/** Tasks of alerts, and which of them stand by themselves. docs/alerts.md */
import { Problem } from '../../fhir/outcome.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { everyPage } from './every-page.ts';

/** Those that are not done; none where the caller may not see Tasks. */
export async function openTasks(search: Search, canonical: string, which: Parameters): Promise<readonly any[]> {
  const found = await everyPage(search, 'Task', [
    ['identifier', `${canonical}/sid/alert-task|`],
    ['status', 'draft,requested,received,accepted,ready,in-progress,on-hold'],
    ...which,
    ['_count', '1000'],
  ]).catch((error: unknown) => {
    if (error instanceof Problem && error.status === 403) return { matches: [] };
    throw error;
  });
  return found.matches;
}

/** Of an alert without a Flag, as a device told of itself. */
export const isUnflagged = ({ focus }: any): boolean => !focus?.reference?.startsWith('Flag/');

export const deviceOfTask = ({ focus, requester }: any): string => requester?.reference ?? focus?.reference ?? '';
