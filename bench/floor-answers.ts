/** What the floors have in common: HTTP in and out, and answers of the same bytes whatever stores them. */
import { randomFillSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { uuidv7 } from '../src/runtime.ts';

const JSON_TYPE = 'application/fhir+json; charset=utf-8';

export function answer(response: ServerResponse, status: number, text: string, more?: Record<string, string>): void {
  response.writeHead(status, { 'Content-Type': JSON_TYPE, 'Content-Length': Buffer.byteLength(text), ...more });
  response.end(text);
}

export function whole(request: IncomingMessage, then: (body: any) => void): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => then(JSON.parse((parts.length === 1 ? parts[0]! : Buffer.concat(parts)).toString())));
}

export const bundleOf = (type: string, entries: readonly string[]): string =>
  `{"resourceType":"Bundle","type":"${type}","entry":[${entries.join(',')}]}`;
export const matched = (text: string): string => `{"resource":${text},"search":{"mode":"match"}}`;
export const included = (text: string): string => `{"resource":${text},"search":{"mode":"include"}}`;
export const createdEntry = (type: string, id: string, text: string): string =>
  `{"resource":${text},"response":{"status":"201","location":"${type}/${id}/_history/1"}}`;

export const idIn = (reference: string): string => reference.slice(reference.lastIndexOf('/') + 1);

/** The resources of a bundle under ids of their own, referring to each other by them. */
export function linked(bundle: any, newId: () => string): { id: string; resource: any }[] {
  const given = new Map<string, string>();
  const entries = bundle.entry.map(({ fullUrl, resource }: any) => {
    const id = newId();
    if (fullUrl) given.set(fullUrl, `${resource.resourceType}/${id}`);
    return { id, resource };
  });
  for (const { resource } of entries) {
    for (const reference of [resource.subject, resource.device, resource.patient]) {
      const to = reference && given.get(reference.reference);
      if (to) reference.reference = to;
    }
  }
  return entries;
}

export const DEVICE_IDS = 'urn:watchfire:bench:device';

/** The four Observations of one device post, without the thought that a server puts into them. */
export function readingsOf(sent: any, device: any, vitalSignId: number): any[] {
  const quantity = (value: number, code: string) => ({ value, unit: code, system: 'http://unitsofmeasure.org', code });
  const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
  const panel = [
    { code: loinc('8480-6'), valueQuantity: quantity(sent.blood_pressure_systolic, 'mm[Hg]') },
    { code: loinc('8462-4'), valueQuantity: quantity(sent.blood_pressure_diastolic, 'mm[Hg]') },
  ];
  const values: object[] = [
    { code: loinc('8867-4'), valueQuantity: quantity(sent.heart_rate, '/min') },
    { code: loinc('85354-9'), component: panel },
  ];
  if (sent.temperature !== undefined)
    values.push({ code: loinc('8310-5'), valueQuantity: quantity(sent.temperature, '[degF]') });
  if (sent.oxygen_saturation !== undefined)
    values.push({ code: loinc('2708-6'), valueQuantity: quantity(sent.oxygen_saturation, '%') });
  const category = [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ];
  return values.map((value) => ({
    resourceType: 'Observation',
    identifier: [{ system: 'urn:watchfire:bench:vital-sign', value: `${vitalSignId}` }],
    status: 'final',
    category,
    subject: device.patient,
    effectiveDateTime: sent.timestamp,
    device: { reference: `Device/${device.id}` },
    ...value,
  }));
}

const thanks = ({ timestamp }: any, vitalSignId: number): string =>
  JSON.stringify({ success: true, message: '', vital_sign_id: vitalSignId, alerts_triggered: 0, timestamp });

/** The readings of a post, which may be a batch of one device, each with its number. */
export function numbered(sent: any, next: () => number): readonly { readonly reading: any; readonly number: number }[] {
  const readings: readonly any[] = sent.readings ?? [sent];
  return readings.map((reading) => ({ reading: { ...reading, device_id: sent.device_id }, number: next() }));
}

/** What a device is told of a post. */
export const thanksFor = (sent: any, numbers: readonly number[]): { status: number; text: string } =>
  sent.readings
    ? {
        status: 200,
        text: JSON.stringify({ success: true, processed: numbers.length, failed: 0, vitals_created: numbers }),
      }
    : { status: 201, text: thanks(sent, numbers[0]!) };

/** Random bytes are fetched in bulk: ten at a time would cost more than a row. */
export function createIds(): () => string {
  const entropy = new Uint8Array(10_240);
  let used = entropy.length;
  return () => {
    if (used === entropy.length) {
      randomFillSync(entropy);
      used = 0;
    }
    used += 10;
    return uuidv7(Date.now(), entropy.subarray(used - 10, used));
  };
}
