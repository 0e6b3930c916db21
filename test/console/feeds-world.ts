/** What could not be taken in, for tests of the pages of feeds: HL7 v2 messages without a patient, some that are nothing. */
import type { TestHouse } from '../support/house.ts';

export const message = (controlId: string, patient = '') =>
  [
    `MSH|^~\\&|LAB|CITY|WATCHFIRE|CLINIC|20251117101500-0500||ORU^R01^ORU_R01|${controlId}|P|2.5.1`,
    `PID|1||${patient}||DOE^JOHN||19620214|M`,
    'OBR|1||F-1|2345-7^Glucose^LN|||20251117100000-0500||||||||||||||||||F',
    'OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L^^UCUM|||||F',
    '',
  ].join('\r');

export const sent = (house: TestHouse, body: string) =>
  house.ask('POST', '/hl7v2', body, { 'content-type': 'application/hl7-v2' });

/** So many messages without a patient, put aside by a hundred. */
export async function putAside(house: TestHouse, count: number): Promise<void> {
  for (let i = 0; i < count; i += 100) {
    const all = Array.from({ length: Math.min(100, count - i) }, (_, k) => message(`M${i + k}`)).join('');
    const { status } = await sent(house, `BHS|^~\\&\r${all}BTS|1\r`);
    if (status !== 422) throw new Error(`a batch was answered ${status}`);
  }
}
