/** Tasks of alerts, and which of them stand by themselves. docs/alerts.md */
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { everyPage } from './every-page.ts';
import { unlessForbidden } from './unless-forbidden.ts';

const DECLINED = 'rejected,failed,cancelled';

/** Whoever declined one does not have it: it waits for anybody. */
const givenBack = ({ owner: _, ...task }: any): any => task;

/** One of data that nobody can use is done then: what comes next opens another. */
const isOfData = ({ code }: any): boolean => code?.coding?.some((one: any) => one.code === 'data-quality') === true;

/** Those that are not done; none where the caller may not see Tasks. */
export async function openTasks(search: Search, canonical: string, which: Parameters): Promise<readonly any[]> {
  const finding = everyPage(search, 'Task', [
    ['identifier', `${canonical}/sid/alert-task|`],
    ['status', `draft,requested,received,accepted,ready,in-progress,on-hold,${DECLINED}`],
    ...which,
    ['_count', '1000'],
  ]);
  const { matches } = await unlessForbidden(finding);
  const isDeclined = ({ status }: any): boolean => DECLINED.split(',').includes(status);
  return matches.flatMap((task) => (isDeclined(task) ? (isOfData(task) ? [] : givenBack(task)) : task));
}

/** Of an alert without a Flag, as a device told of itself. */
export const isUnflagged = ({ focus }: any): boolean => !focus?.reference?.startsWith('Flag/');

export const deviceOfTask = ({ focus, requester }: any): string => requester?.reference ?? focus?.reference ?? '';
