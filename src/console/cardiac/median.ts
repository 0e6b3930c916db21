/** How long it takes until somebody looks: the median from raised to acknowledged, of what was acknowledged in the last 24 hours. docs/dashboard.md */
import { acknowledgementIn } from '../../alerts/acknowledge/state.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { unlessForbidden } from './unless-forbidden.ts';

const DAY = 86_400_000;
/** What was written last counts, where there is more. */
const MOST = 500;

/** Seconds; null where nobody acknowledged, or the caller may not know. */
export async function medianAcknowledgement(
  search: Search,
  { canonical, now }: { readonly canonical: string; readonly now: number },
): Promise<number | null> {
  const finding = search('DetectedIssue', [
    ['identifier', `${canonical}/sid/alert|`],
    ['_lastUpdated', `ge${new Date(now - DAY).toISOString()}`],
    ['_sort', '-_lastUpdated'],
    ['_count', `${MOST}`],
  ]);
  const { matches } = await unlessForbidden(finding);
  const waits = matches
    .flatMap((issue) => {
      const at = Date.parse(acknowledgementIn(issue, canonical)?.at ?? '');
      const wait = at - Date.parse(issue.identifiedDateTime ?? issue.identifiedPeriod?.start ?? '');
      return at > now - DAY && wait >= 0 ? [wait / 1_000] : [];
    })
    .sort((a, b) => a - b);
  const middle = waits.length / 2;
  if (waits.length === 0) return null;
  return Math.round(waits.length % 2 ? waits[Math.floor(middle)]! : (waits[middle - 1]! + waits[middle]!) / 2);
}
