/** An implant, its leads, its home monitor and what it measures, as Devices and DeviceMetrics. https://hl7.org/fhir/R4/device.html */
import type { Resource } from '../../fhir/references.ts';
import { clean, filled } from '../intake/entries.ts';
import { ciedOf, implantIdOf, partIdOf } from './identity.ts';
import { isDateTime } from './patient.ts';
import { isMdc, MDC, snomedOf, type TermSpec, termOf, valueName } from './terms.ts';
import type { Implant, ImplantType, Lead, Monitor, Term } from './told.ts';

type Made = Resource & { readonly id: string };

const SERIAL = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'SNO' }] };
const IMPLANT_STATUS = 'http://hl7.org/fhir/StructureDefinition/device-implantStatus';
const statuses = { active: 'functional', inactive: 'non-functional', unknown: 'unknown' } as const;

/** By MDC, but for what is no implant. */
const mdcTypes: Readonly<Record<Exclude<ImplantType, 'remote-monitor'>, string>> = {
  pacemaker: '753665',
  icd: '753666',
  'crt-d': '753667',
  'crt-p': '753668',
  'loop-recorder': '753669',
  other: '753670',
};
const words: Readonly<Record<ImplantType | 'lead', string>> = {
  pacemaker: 'Pacemaker',
  icd: 'Implantable cardioverter defibrillator',
  'crt-d': 'Cardiac resynchronization therapy defibrillator',
  'crt-p': 'Cardiac resynchronization therapy pacemaker',
  'loop-recorder': 'Implantable loop recorder',
  'remote-monitor': 'Remote monitor',
  other: 'Other cardiac implant',
  lead: 'Cardiac lead',
};

export const typeWord = (type: ImplantType | 'lead'): string => words[type];

function typeOf(type: ImplantType | 'lead', canonical: string) {
  const kind = { system: `${canonical}/CodeSystem/cardiac-device-kind`, code: type, display: words[type] };
  if (type === 'lead' || type === 'remote-monitor') return { coding: [kind] };
  const code = mdcTypes[type];
  return { coding: [{ system: MDC, code, display: valueName(code) }, ...snomedOf(type), kind] };
}

/** The type of a Device of ours, or of anybody's who says it by MDC. */
export function implantTypeOf(device: Resource, canonical: string): ImplantType | 'lead' | undefined {
  const codings: readonly any[] = device['type']?.coding ?? [];
  const kind = codings.find(({ system }) => system === `${canonical}/CodeSystem/cardiac-device-kind`)?.code;
  if (kind in words) return kind;
  const mdc = codings.find(({ system }) => system === MDC)?.code;
  return (Object.keys(mdcTypes) as (keyof typeof mdcTypes)[]).find((type) => mdcTypes[type] === mdc);
}

const serialNumber = (canonical: string, value: string) => ({
  type: SERIAL,
  system: `${canonical}/sid/cied`,
  value,
});

/** A Device that is as it was told: where it was there before, what somebody else said of it stays. */
export function generator(implant: Implant, id: string, patient: string, canonical: string, was: any = {}): Made {
  const cied = ciedOf(implant)!;
  const own = clean(implant.deviceId, 200);
  const makers = `${canonical}/sid/maker-device/${implant.maker}`;
  const identifier = [
    serialNumber(canonical, cied),
    ...(own === undefined ? [] : [{ system: makers, value: own }]),
    ...(was.identifier ?? []).filter(
      ({ system, value }: any) =>
        (system !== makers || own === undefined) && `${value}`.toLowerCase() !== cied.toLowerCase(),
    ),
  ];
  const udi = implant.udi;
  // Who does not know takes nothing back from those who do.
  const status = implant.status === 'unknown' ? (was.status ?? 'unknown') : implant.status;
  const type = implant.type === 'other' && was.type ? was.type : typeOf(implant.type, canonical);
  const isImplant = implant.type !== 'remote-monitor' && status in statuses;
  const profile = `${canonical}/StructureDefinition/cied-device`;
  return filled({
    ...was,
    resourceType: 'Device',
    id,
    meta: { ...was.meta, profile: [...new Set([...(was.meta?.profile ?? []), profile])] },
    extension: [
      ...(was.extension ?? []).filter(({ url }: any) => url !== IMPLANT_STATUS),
      ...(isImplant ? [{ url: IMPLANT_STATUS, valueCode: statuses[status as keyof typeof statuses] }] : []),
    ],
    identifier,
    udiCarrier: udi
      ? [filled({ deviceIdentifier: clean(udi.deviceIdentifier), issuer: udi.issuer, carrierHRF: clean(udi.carrier) })]
      : was.udiCarrier,
    status,
    manufacturer: clean(implant.manufacturer, 200) ?? was.manufacturer,
    modelNumber: clean(implant.model, 200) ?? was.modelNumber,
    serialNumber: clean(implant.serial, 200) ?? was.serialNumber,
    type,
    patient: { reference: patient },
    parent: implant.monitor ? { reference: `Device/${monitorIdOf(implant.monitor)}` } : was.parent,
  });
}

const monitorCied = ({ model, serial }: Monitor): string =>
  ciedOf({ maker: '', model: model ?? '', serial }) ?? 'model:/serial:';
export const monitorIdOf = (monitor: Monitor): string => implantIdOf(monitorCied(monitor));

/** What carries the data home. */
export const monitorDevice = (monitor: Monitor, manufacturer: string, patient: string, canonical: string): Made =>
  filled({
    resourceType: 'Device',
    id: monitorIdOf(monitor),
    meta: { profile: [`${canonical}/StructureDefinition/cied-device`] },
    identifier: [serialNumber(canonical, monitorCied(monitor))],
    status: 'active',
    manufacturer: clean(monitor.manufacturer ?? manufacturer, 200),
    modelNumber: clean(monitor.model, 200),
    serialNumber: clean(monitor.serial, 200),
    type: typeOf('remote-monitor', canonical),
    patient: { reference: patient },
  });

const leadName = (lead: Lead, i: number): string => clean(lead.serial, 100) ?? `${lead.location ?? '-'}|${i}`;
export const leadIdOf = (implant: string, lead: Lead, i: number): string =>
  partIdOf(implant, 'lead', leadName(lead, i));

const property = (code: string, text: string | undefined) => {
  const value = clean(text, 200);
  if (value === undefined) return [];
  const coding = valueName(value) === undefined ? undefined : [{ system: MDC, code: value, display: valueName(value) }];
  return [
    {
      type: { coding: [{ system: MDC, code, display: termOf(code)!.name }] },
      valueCode: [coding ? { coding } : { text: value }],
    },
  ];
};

export const leadDevice = (lead: Lead, i: number, of: string, patient: string, canonical: string): Made =>
  filled({
    resourceType: 'Device',
    id: leadIdOf(of, lead, i),
    meta: { profile: [`${canonical}/StructureDefinition/cied-lead`] },
    identifier: lead.serial
      ? [serialNumber(canonical, ciedOf({ maker: '', model: lead.model ?? '', serial: lead.serial })!)]
      : undefined,
    status: 'active',
    manufacturer: clean(lead.manufacturer, 200),
    modelNumber: clean(lead.model, 200),
    serialNumber: clean(lead.serial, 200),
    type: typeOf('lead', canonical),
    patient: { reference: patient },
    parent: { reference: `Device/${of}` },
    property: [
      ...property('720966', lead.location),
      ...property('720965', lead.polarity),
      ...property('720970', lead.connection),
      ...property('720964', isDateTime(lead.implanted) ? lead.implanted : undefined),
    ],
  });

/** A metric for each thing that the implant has measured; not written again for its values. */
const metricIdOf = (implant: string, spec: TermSpec): string => partIdOf(implant, 'metric', spec.code);

export const metric = (spec: TermSpec, of: Implant, implant: string, device: string, canonical: string): Made => {
  // Of a channel it is the lead that is measured.
  const at = of.leads?.findIndex(({ location }) => location !== undefined && location === spec.channel) ?? -1;
  const lead = at < 0 ? undefined : leadIdOf(device.slice('Device/'.length), of.leads![at]!, at);
  return filled({
    resourceType: 'DeviceMetric',
    id: metricIdOf(implant, spec),
    meta: { profile: [`${canonical}/StructureDefinition/cied-device-metric`] },
    type: { coding: [{ system: MDC, code: spec.code, display: spec.name }] },
    unit: spec.unit ? { coding: [{ system: 'http://unitsofmeasure.org', code: spec.unit }] } : undefined,
    source: { reference: device },
    parent: lead && { reference: `Device/${lead}` },
    operationalStatus: 'on',
    category: 'measurement',
  });
};

/** How a term is coded: by its number, or in a system of ours where it is the maker's own. */
export function codeOf(term: Pick<Term, 'code' | 'name' | 'vendor'>, maker: string, canonical: string) {
  const code = clean(term.code, 200)?.replace(/\s+/g, ' ') ?? '-';
  if (!isMdc(term)) {
    const system = `${canonical}/CodeSystem/vendor-term-${maker}`;
    return { coding: [filled({ system, code, display: clean(term.name, 500) })] };
  }
  return { coding: [filled({ system: MDC, code, display: termOf(code)?.name ?? clean(term.name, 500) })] };
}
