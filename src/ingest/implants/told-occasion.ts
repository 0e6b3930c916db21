/** The entries of one occasion: its panel, the values that charts show, its report and its strips; each once, changed ones anew. https://hl7.org/fhir/R4/observation.html */
import type { Resource } from '../../fhir/references.ts';
import type { Entry } from '../../interactions/interaction.ts';
import { isDeleted, type Store, type Version } from '../../store/store.ts';
import { after, asNew, put } from '../intake/entries.ts';
import type { KeptOccasion } from './kept.ts';
import { notApplied } from './not-applied.ts';
import { kindOf, measurement, panel, type Setting } from './observation.ts';
import { digest, type News, type Occasion } from './occasion.ts';
import { documentIn, reportResources } from './report.ts';
import { isReadable, stripObservation } from './strip.ts';

type Made = Resource & { readonly id: string };

export interface Written {
  readonly entries: readonly Entry[];
  readonly kept: KeptOccasion;
}

/** Of a report that is put aside; the document itself is in what came over the wire. */
export const withoutData = ({ data: _data, ...report }: NonNullable<Occasion['report']>) => report;

/** What of the report and the strips is new, and what of it cannot be read. */
export function partsOf(occasion: Occasion, kept: KeptOccasion | undefined) {
  const parts: Record<string, string> = { ...kept?.parts };
  const fresh: string[] = [];
  const unreadable: { readonly part: string; readonly row: unknown }[] = [];
  const see = (part: string, told: object, row: unknown, isSound: () => boolean) => {
    const print = digest(told);
    if (parts[part] === print) return;
    parts[part] = print;
    if (isSound()) fresh.push(part);
    else unreadable.push({ part, row });
  };
  const { report, strips } = occasion;
  if (report) see('report', report, withoutData(report), () => documentIn(report) !== undefined);
  for (const strip of strips) see(`strip|${strip.id}`, strip, strip, () => isReadable(strip));
  return { parts, fresh, unreadable };
}

/** A preliminary occasion that is told again as final. */
export const isSettled = ({ status }: Occasion, kept: KeptOccasion | undefined): boolean =>
  kept?.status === 'preliminary' && status !== 'preliminary';

function statusOf(occasion: Occasion, kept: KeptOccasion | undefined, isChanged: boolean): KeptOccasion['status'] {
  if (isChanged || occasion.status === 'corrected') return 'corrected';
  const isFirst = kept?.versions['panel'] === undefined;
  if (isFirst || occasion.status === 'preliminary' || kept.status === 'preliminary') return occasion.status;
  return 'amended';
}

const named: ReadonlySet<string> = new Set(['Binary', 'DocumentReference']);

/** `isRetry`: something was in the way, so it is looked at what is there. */
export async function writeOccasion(
  occasion: Occasion,
  news: News,
  { parts, fresh }: ReturnType<typeof partsOf>,
  kept: KeptOccasion | undefined,
  at: Omit<Setting, 'status'>,
  store: Pick<Store, 'read'>,
  isRetry: boolean,
): Promise<Written> {
  const { items, added, changed } = news;
  const settled = isSettled(occasion, kept);
  const panelStatus = statusOf(occasion, kept, changed.length > 0);
  const first = occasion.status;
  const made: { readonly name: string; readonly resource: Made }[] = [];
  // Without a single value there is no Observation for others to refer to.
  const hasPanel = items.size > 0;
  const isPanelNews = added.length > 0 || changed.length > 0 || settled || (!kept && hasPanel);
  if (hasPanel && isPanelNews)
    made.push({ name: 'panel', resource: panel(items.values(), { ...at, status: panelStatus }) });
  for (const [key, item] of items) {
    if (kindOf(item) === undefined) continue;
    const isNew = added.includes(key);
    const isChanged = changed.includes(key);
    if (!isNew && !isChanged && !settled) continue;
    const status = isChanged ? 'corrected' : first;
    made.push({ name: key, resource: measurement(key, item, items, { ...at, status }) });
  }
  for (const part of fresh) {
    // What comes after the values, for the first time, corrects nothing.
    const isAgain = kept?.parts?.[part] !== undefined && !settled;
    const partSetting = { ...at, status: isAgain ? ('corrected' as const) : first };
    const resources: readonly Made[] =
      part === 'report'
        ? reportResources(occasion.report!, documentIn(occasion.report!)!, { ...partSetting, hasPanel })
        : [stripOf(part, occasion, { ...partSetting, hasPanel })];
    made.push(...resources.map((resource) => ({ name: `${resource.resourceType}|${part}`, resource })));
  }

  const keys = made.map(({ resource }) => ({ type: resource.resourceType, id: resource.id }));
  const newest = kept || isRetry ? await store.read(keys) : [];
  const versions: Record<string, number> = { ...kept?.versions };
  const standing: Record<string, number> = { ...kept?.standing };
  const entries = made.flatMap(({ name, resource }, i): readonly Entry[] => {
    const there: Version | undefined = newest[i];
    // Named by what is in it, so it is the same.
    if (there && named.has(resource.resourceType)) return [];
    const was = versions[name] ?? 0;
    if (there && (isDeleted(there) || there.versionId !== was)) {
      versions[name] ??= 0;
      standing[name] = there.versionId;
      return [notApplied(resource, there, { ...at, status: first })];
    }
    versions[name] = there ? was + 1 : 1;
    return [put(resource, there ? after(was) : asNew)];
  });
  return {
    entries,
    kept: {
      patient: at.patient,
      status: isPanelNews || !kept ? panelStatus : kept.status,
      items: Object.fromEntries(items),
      versions,
      ...(Object.keys(standing).length > 0 ? { standing } : {}),
      ...(Object.keys(news.refusals).length > 0 ? { refused: news.refusals } : {}),
      ...(Object.keys(parts).length > 0 ? { parts } : {}),
    },
  };
}

const stripOf = (part: string, { strips }: Occasion, at: Setting): Made =>
  stripObservation(strips.find(({ id }) => `strip|${id}` === part)!, at);
