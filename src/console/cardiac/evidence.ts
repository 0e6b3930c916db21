/** What an alert was raised from, so that nobody need leave the list to see it: the Observations that its Flag and DetectedIssue name. docs/dashboard.md */

import { isWithdrawn } from '../../alerts/derived/take-back.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { issuesOf } from '../../translators/cardiac/beside.ts';
import { alertIdOf, measuredAt } from '../../translators/cardiac/rows.ts';
import { saidBeyond } from './band.ts';
import { kindIn, namedIn } from './named.ts';
import type { ChartSetting } from './setting.ts';

const MOST = 20;

const whatIsSaid = ({ valueQuantity: quantity, valueCodeableConcept: concept, valueString, valueInteger }: any) => ({
  value: quantity?.value ?? valueInteger ?? concept?.text ?? concept?.coding?.[0]?.display ?? valueString ?? null,
  unit: quantity?.unit ?? quantity?.code ?? null,
});

/** A value that is withdrawn says so in place of how it was beyond its limits. `{ detail, values }` of one alert, by its Flag; nothing where the caller does not see it. */
export async function evidence(
  search: Search,
  { canonical, kinds }: Pick<ChartSetting, 'canonical' | 'kinds'>,
  id: string,
) {
  const flag = (await search('Flag', [['_id', id]])).matches[0];
  if (!flag) return { detail: null, values: [] };
  const issue = (await issuesOf([flag], search, canonical)).get(alertIdOf(flag, canonical));
  const named: readonly (string | undefined)[] = [
    ...(flag.extension ?? []).map(({ valueReference }: any) => valueReference?.reference),
    ...(issue?.evidence ?? []).flatMap(({ detail = [] }: any) => detail.map(({ reference }: any) => reference)),
    ...(issue?.implicated ?? []).map(({ reference }: any) => reference),
  ];
  const ids = [...new Set(named)].flatMap((one) => /^Observation\/([A-Za-z0-9\-.]{1,64})/.exec(one ?? '')?.[1] ?? []);
  const found =
    ids.length === 0
      ? []
      : (
          await search('Observation', [
            ['_id', ids.slice(0, MOST).join(',')],
            ['_count', `${MOST}`],
          ])
        ).matches;
  const values = found.flatMap((one) => {
    const of = [one, ...(one.component ?? [])].map((part: any) => ({
      kind: kindIn(part, kinds),
      ...namedIn(part, kindIn(part, kinds)),
      ...whatIsSaid(part),
      at: measuredAt(one),
      beyond: isWithdrawn(one) ? 'withdrawn' : (saidBeyond(part) ?? null),
    }));
    return of.filter(({ value }) => value !== null);
  });
  return { detail: issue?.detail ?? null, values: values.sort((a, b) => ((a.at ?? '') < (b.at ?? '') ? 1 : -1)) };
}
