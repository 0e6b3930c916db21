/** Episodes that an implant recorded: each is an alert of its own, which people close; one that was treated is critical. docs/alerts.md */
import type { Pending } from '../interactions/interaction.ts';
import { keptNow, laidOver } from '../interactions/pending.ts';
import type { Look } from '../store/store.ts';
import type { AlertSetting } from './alert.ts';
import { type FloodCap, openedUnderCap } from './flood.ts';
import { judge } from './interpret.ts';
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

interface KeptEpisode {
  readonly alert: string;
  readonly isCritical: boolean;
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
  const coding = [{ system: MDC, code: EPISODE.type }];
  for (const { name, type, isTreated } of episodesIn(panel, sight.at)) {
    const verdict = judge({ coding, value: Number.NaN, coded: type }, {}, sight.at, ...layers);
    if (verdict?.severity !== 'abnormal' && verdict?.severity !== 'critical') continue;
    const isCritical = isTreated || verdict.severity === 'critical';
    const severity = isCritical ? 'critical' : 'warning';
    const kind = kindOf(verdict.alert ?? 'arrhythmia-episode');
    const text = isTreated ? `${kind.display}, treated by the device` : kind.display;
    const key = `${sight.patient}|episode|${sight.device}|${name}`;
    const held = laidOver(pending, changes);
    const { value, expect } = await keptNow('alarm', key, held, look);
    const before = value as KeptEpisode | undefined;
    if (before && (before.isCritical || !isCritical)) continue;
    const keep = (alert: string) => ({ op: 'put', kind: 'alarm', key, value: { alert, isCritical }, expect }) as const;
    if (before) {
      const again = { severity, text, evidence: sight.observation } as const;
      changes = [...changes, ...(await raised(before.alert, again, sight, held, look)), keep(before.alert)];
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
      episodeKey: key,
      isOfDevice: sight.device.startsWith('Device/'),
    } as const;
    const told = await openedUnderCap(seen, sight.cap, sight, held, look);
    changes = [...changes, ...told.changes, keep(told.alert.id)];
  }
  return changes;
}
