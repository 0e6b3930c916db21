/** The device behind results: equipment by its EUI-64, the tree of a monitor by OBX-4 (IHE PCD: system, part, channel, metric). https://hl7.org/fhir/R4/devicemetric.html */
import { filled } from '../../intake/entries.ts';
import { type Around, ownSystem } from './datatypes.ts';
import type { Drafts } from './drafts.ts';
import type { Identifier } from './identified.ts';
import { unitOf } from './quantity.ts';
import type { ReadMessage } from './reading.ts';
import type { Result } from './result.ts';
import { inTable, MDC } from './tables.ts';

/** `1.0.1.2`: a place in the tree of a device. */
export const isPlace = (sub: string): boolean => /^\d+(?:\.\d+)*$/.test(sub);
/** Zeros at the end only fill up: `1.1.0.0` is the part `1.1`. */
export const trimmed = (sub: string): string => sub.replace(/(?:\.0)+$/, '');
/** Of `1.2.3`: `1.2`, then `1`. */
export function placesAbove(sub: string): readonly string[] {
  const steps = trimmed(sub).split('.');
  return steps.slice(1).map((_, n) => steps.slice(0, steps.length - 1 - n).join('.'));
}

/** Parts of devices stand in the first partition of IEEE 11073, kinds of devices in the eighth. */
function isDevicePart({ mdc, value }: Result): boolean {
  const partition = Math.floor(Number(mdc) / 65_536);
  return mdc !== '' && value.values.length === 0 && (partition === 1 || partition === 8);
}

export interface Devices {
  /** Results that are none: they say what the device is. */
  readonly about: ReadonlySet<Result>;
  /** The nearest part of the device that measured it. */
  of(result: Result): string | undefined;
  readonly first: string | undefined;
}

const VERSIONS: Readonly<Record<string, string>> = { hardware: '531974', software: '531975', firmware: '531976' };

/** The Devices that the results of one OBR tell of, and a DeviceMetric for each of their metrics. */
export async function devicesOf(
  message: ReadMessage,
  results: readonly Result[],
  drafts: Drafts,
  around: Around,
): Promise<Devices> {
  const about = new Set<Result>();
  const nodes = new Map<string, { result?: Result; attributes: Record<string, string> }>();
  const placed = results.filter(({ sub }) => isPlace(sub));
  for (const result of placed) {
    const attribute = result.mdc && inTable('deviceAttribute', result.mdc);
    if (attribute) {
      const root = trimmed(result.sub).split('.')[0]!;
      const node = nodes.get(root) ?? { attributes: {} };
      const text = result.value.text ?? result.value.values[0]?.['valueString'];
      if (text !== undefined) node.attributes[attribute] = text;
      nodes.set(root, node);
      about.add(result);
    } else if (isDevicePart(result)) {
      const place = trimmed(result.sub);
      nodes.set(place, { attributes: nodes.get(place)?.attributes ?? {}, result });
      about.add(result);
    }
  }
  const references = new Map<string, string>();
  /** What a Device is called by: the same before and after it is stored. */
  const names = new Map<string, string>();
  for (const place of [...nodes.keys()].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    const { result, attributes } = nodes.get(place)!;
    references.set(place, await deviceAt(place, result, attributes));
  }

  /** The longest place above that is a device. */
  function above(sub: string): string | undefined {
    for (const place of placesAbove(sub)) {
      const reference = references.get(place);
      if (reference) return reference;
    }
    return undefined;
  }

  async function deviceAt(place: string, result: Result | undefined, attributes: Record<string, string>) {
    const { modelNumber, serialNumber, manufacturer } = attributes;
    const parent = above(place);
    const version = Object.entries(VERSIONS).flatMap(([name, code]) =>
      attributes[name] ? [{ type: { coding: [{ system: MDC, code }] }, value: attributes[name] }] : [],
    );
    const device = filled({
      resourceType: 'Device',
      status: 'active',
      manufacturer,
      serialNumber,
      modelNumber,
      type: result?.code,
      version,
      parent: parent && { reference: parent },
    });
    const [equipment] = result?.equipment ?? [];
    const named: Identifier = equipment ?? {
      system: ownSystem('sid', 'device', around),
      value:
        serialNumber !== undefined
          ? `model:${modelNumber ?? ''}/serial:${serialNumber}`
          : `${names.get(parent ?? '') ?? (message.application || message.facility)}|${place}|${result?.mdc ?? ''}`,
    };
    const identifier = serialNumber
      ? [
          named,
          {
            type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'SNO' }] },
            value: serialNumber,
          },
        ]
      : [named];
    return naming(await drafts.named({ ...device, identifier }, named), named);
  }

  function naming(reference: string, { value }: Identifier): string {
    names.set(reference, value);
    return reference;
  }

  async function equipmentOf({ equipment: [first] }: Result): Promise<string | undefined> {
    if (!first) return undefined;
    return naming(await drafts.named({ resourceType: 'Device', identifier: [first], status: 'active' }, first), first);
  }

  const byResult = new Map<Result, string>();
  for (const result of results) {
    if (about.has(result)) continue;
    const device = (await equipmentOf(result)) ?? (isPlace(result.sub) ? above(result.sub) : undefined);
    if (device === undefined) continue;
    byResult.set(result, device);
    if (isPlace(result.sub) && result.mdc !== '' && references.size > 0) metric(result, device);
  }

  function metric(result: Result, device: string): void {
    const { system, code } = unitOf(result.unit);
    drafts.add(
      filled({
        resourceType: 'DeviceMetric',
        type: result.code,
        unit: code && { coding: [filled({ system, code })] },
        source: { reference: device },
        category: 'measurement',
      }),
      [names.get(device)!, trimmed(result.sub), result.codeKey],
      (existing) => existing,
    );
  }

  const first = [...references.values()][0] ?? [...byResult.values()][0];
  return { about, of: (result) => byResult.get(result), first };
}
