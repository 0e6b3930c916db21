/** Episodes that an implant recorded: each is an alert of its own, which people close; one that was treated is critical. docs/alerts.md */
import type { Pending } from '../interactions/interaction.ts';
import { keptNow, laidOver } from '../interactions/pending.ts';
import type { Look } from '../store/store.ts';
import { type Alert, type AlertSetting, alertKind } from './alert.ts';
import { type FloodCap, openedUnderCap } from './flood.ts';
import { judge } from './interpret.ts';
import type { Judged } from './judging.ts';
import { kindOf } from './kinds.ts';
import { raised } from './raise.ts';
import type { Thresholds } from './thresholds.ts';

const MDC = 'urn:iso:std:iso:11073:10101';
const EPISODE = { id: '739536', when: '739552', type: '739568', result: '739696' } as const;

interface Episode {
  /** What it is called by the device, else when it was. */
  readonly name: string;
  readonly type: readonly string[];
  readonly isTreated: boolean;
}

const codeOf = (component: any): string | undefined =>
  component.code?.coding?.find(({ system }: any) => system === MDC)?.code;

const instanceOf = ({ extension }: any): number =>
  extension?.find(({ url }: any) => url?.endsWith('/StructureDefinition/instance-idco'))?.valueInteger ?? 0;

/** Those that a panel tells of: a component for each of their parts, tied together by their instance. One that is told by itself was when it was measured. */
function episodesIn(panel: any, at: number): readonly Episode[] {
  const parts = new Map<number, Map<string, any>>();
  for (const component of [panel, ...(panel.component ?? [])]) {
    const code = codeOf(component);
    if (code === undefined || !(Object.values(EPISODE) as string[]).includes(code)) continue;
    const instance = instanceOf(component);
    const of = parts.get(instance) ?? new Map<string, any>();
    parts.set(instance, of.set(code, component));
  }
  return [...parts.entries()].flatMap(([instance, of]): Episode[] => {
    const concept = of.get(EPISODE.type)?.valueCodeableConcept;
    const type = (concept?.coding ?? []).flatMap(({ code }: any) => code ?? []);
    if (type.length === 0) return [];
    const unnamed = of.get(EPISODE.type) === panel ? new Date(at).toISOString() : `${instance}`;
    const name = of.get(EPISODE.id)?.valueString ?? of.get(EPISODE.when)?.valueDateTime ?? unnamed;
    return [{ name, type, isTreated: of.get(EPISODE.result)?.valueCodeableConcept !== undefined }];
  });
}

export interface EpisodeSight extends AlertSetting {
  readonly patient: string;
  readonly device: string;
  /** `Observation/1` */
  readonly observation: string;
  readonly at: number;
  readonly cap: FloodCap;
}

export interface KeptEpisode {
  /** None where the one that there was has been taken back. */
  readonly alert?: string;
  readonly isCritical: boolean;
  /** How often it was taken back. */
  readonly taken?: number;
}

interface Noticed {
  /** Key of its alarm. */
  readonly key: string;
  readonly isCritical: boolean;
  readonly isTreated: boolean;
  readonly alert: string | undefined;
}

/** Those that somebody is told of. */
function noticedIn(
  panel: any,
  { patient, device, at }: Pick<EpisodeSight, 'patient' | 'device' | 'at'>,
  layers: readonly Thresholds[],
): readonly Noticed[] {
  const coding = [{ system: MDC, code: EPISODE.type }];
  return episodesIn(panel, at).flatMap(({ name, type, isTreated }): Noticed[] => {
    const verdict = judge({ coding, value: Number.NaN, coded: type }, {}, at, ...layers);
    if (verdict?.severity !== 'abnormal' && verdict?.severity !== 'critical') return [];
    const key = `${patient}|episode|${device}|${name}`;
    return [{ key, isCritical: isTreated || verdict.severity === 'critical', isTreated, alert: verdict.alert }];
  });
}

/** Keys of their alarms. */
export const episodeKeysIn = (panel: any, { of, patient, device, at, layers }: Judged): readonly string[] =>
  of === 'cardiac-limit' && patient !== undefined && device !== undefined
    ? noticedIn(panel, { patient, device, at }, layers).map(({ key }) => key)
    : [];

/** Evidence of an alert that is open: what told it first may be withdrawn. One that is over goes by what it stood on. */
async function toldAgain(id: string, sight: EpisodeSight, pending: Pending, look: Look): Promise<Pending> {
  const { value } = await keptNow(alertKind, id, pending, look);
  return (value as Alert | undefined)?.open ? raised(id, { evidence: sight.observation }, sight, pending, look) : [];
}

/** Opens what is not known yet, and raises what turns out to have been treated. */
export async function flagEpisodes(
  panel: any,
  layers: readonly Thresholds[],
  sight: EpisodeSight,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  let changes: Pending = [];
  for (const { key, isCritical, isTreated, alert } of noticedIn(panel, sight, layers)) {
    const severity = isCritical ? 'critical' : 'warning';
    const kind = kindOf(alert ?? 'arrhythmia-episode');
    const text = isTreated ? `${kind.display}, treated by the device` : kind.display;
    const held = laidOver(pending, changes);
    const { value, expect } = await keptNow('alarm', key, held, look);
    const before = value as KeptEpisode | undefined;
    const { alert: told, taken } = before ?? {};
    if (told !== undefined && (before?.isCritical || !isCritical)) {
      changes = [...changes, ...(await toldAgain(told, sight, held, look))];
      continue;
    }
    const keep = (id: string) => {
      const next: KeptEpisode = { alert: id, isCritical, ...(taken !== undefined && { taken }) };
      return { op: 'put', kind: 'alarm', key, value: next, expect } as const;
    };
    if (told !== undefined) {
      const again = { severity, text, evidence: sight.observation } as const;
      changes = [...changes, ...(await raised(told, again, sight, held, look)), keep(told)];
      continue;
    }
    const seen = {
      type: kind.code,
      severity,
      patient: sight.patient,
      device: sight.device,
      evidence: [sight.observation],
      text,
      at: sight.at,
      episodeKey: taken === undefined ? key : `${key}|${taken}`,
      isOfDevice: sight.device.startsWith('Device/'),
    } as const;
    const opened = await openedUnderCap(seen, sight.cap, sight, held, look);
    changes = [...changes, ...opened.changes, keep(opened.alert.id)];
  }
  return changes;
}
