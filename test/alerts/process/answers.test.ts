/** Patients answer by a link, or over FHIR with a token of their own; nobody else answers for them. docs/escalation.md#answers */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answerPath, readAnswerLink } from '../../../src/alerts/process/answer-link.ts';
import { openHouse, type TestHouse, together } from '../../support/house.ts';
import { until } from '../../support/until.ts';

const texts: string[] = [];
const gateway = createServer(async (request, response) => {
  let text = '';
  for await (const part of request) text += part;
  texts.push(JSON.parse(text).text);
  response.end();
});
const folder = mkdtempSync(join(tmpdir(), 'watchfire-sms-'));
let house: TestHouse;
beforeAll(async () => {
  await new Promise<void>((go) => gateway.listen(0, '127.0.0.1', go));
  const host = `127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const file = join(folder, 'sms.json');
  writeFileSync(file, JSON.stringify({ url: `http://${host}/`, fields: { to: '{to}', text: '{text}' } }));
  house = await openHouse({ smsGateway: file, outboundAllow: [host] });
});
afterAll(async () => {
  await house.stop();
  rmSync(folder, { recursive: true });
  await new Promise((go) => gateway.close(go));
});

const telecom = [{ system: 'phone', value: '+49 170 1234567' }];

/** A warning of a patient who has a phone; the link that was sent. */
async function asked(id: string, more: object = { telecom }): Promise<string> {
  await house.update({ resourceType: 'Patient', id, birthDate: '1950-01-01', ...more });
  const before = texts.length;
  await house.create({
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${id}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value: 110, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  });
  await until(() => texts.length > before);
  return /\/alert-answers\/\S+/.exec(texts.at(-1)!)![0];
}
const stageOf = async (id: string) =>
  (await house.search(`Task?patient=${id}`))[0]?.businessStatus?.coding[0].code as string | undefined;
const post = (path: string, answer: string) =>
  house.ask('POST', path, `answer=${answer}`, {
    authorization: '',
    'content-type': 'application/x-www-form-urlencoded',
  });

describe('the link of a message', () => {
  it('shows a question, and changes nothing by being looked at', async () => {
    const link = await asked('l1');
    for (let i = 0; i < 3; i++) {
      const { status, text, headers } = await house.ask('GET', link, undefined, { authorization: '' });
      expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
      expect(text).toContain('value="allow"');
      expect(text).not.toMatch(/110|l1|heart/i);
    }
    expect(await stageOf('l1')).toBe('ask-patient');
  });

  it('takes the answer of the patient who presses a button (2-066)', async () => {
    const link = await asked('l2');
    expect((await post(link, 'deny')).status).toBe(200);
    await until(async () => (await stageOf('l2')) === 'denied');
    const [answer] = await house.search('Communication?sender=Patient/l2');
    expect(answer).toMatchObject({ status: 'completed', payload: [{ contentString: 'deny' }] });
    const [consent] = await house.search('Consent?patient=l2');
    expect(consent.extension[0].valueReference).toEqual({ reference: `Communication/${answer.id}` });
  });

  it('promises what is so: who presses again after a no is told that it changes nothing, and finds no buttons', async () => {
    const link = await asked('l5');
    const first = await post(link, 'deny');
    expect([first.status, first.text]).toEqual([200, expect.stringContaining('Nobody is told.')]);
    await until(async () => (await stageOf('l5')) === 'denied');
    const again = await post(link, 'allow');
    expect([again.status, again.text]).toEqual([409, expect.stringContaining('no longer open')]);
    expect(again.text).not.toContain('told now');
    const { status, text } = await house.ask('GET', link, undefined, { authorization: '' });
    expect([status, text.includes('<button')]).toEqual([410, false]);
    expect(await stageOf('l5')).toBe('denied');
    // What the patient said is kept all the same.
    expect(await house.search('Communication?sender=Patient/l5')).toHaveLength(2);
  });

  it('asks nothing any more once somebody is looking, or the alert is over', async () => {
    for (const [id, status] of [
      ['l6', 'accepted'],
      ['l7', 'inactive'],
    ] as const) {
      const link = await asked(id);
      const [task] = await house.search(`Task?patient=${id}`);
      const { body: flag } = await house.read(task.focus.reference);
      const done =
        status === 'accepted'
          ? { ...task, status }
          : { ...flag, status, period: { ...flag.period, end: new Date().toISOString() } }; // prettier-ignore
      expect((await house.update(done)).status).toBe(200);
      // Also in the moment before the step is taken.
      expect((await house.ask('GET', link, undefined, { authorization: '' })).status).toBe(410);
      expect((await post(link, 'allow')).status).toBe(409);
    }
  });

  it('promises the team to one of many presses at once, and that is what happens', async () => {
    const link = await asked('l8');
    const press = async (answer: string): ReturnType<typeof post> => {
      const said = await post(link, answer);
      // Whoever was overtaken for five seconds is asked to try again.
      return said.status === 503 ? press(answer) : said;
    };
    const answers = await together(8, (i) => press(i % 2 ? 'allow' : 'deny'));
    const taken = answers.filter(({ status }) => status === 200);
    expect(taken).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
    const stage = taken[0]!.text.includes('Your care team is told now') ? 'notify-clinician' : 'denied';
    await until(async () => (await stageOf('l8')) === stage);
  });

  it('speaks to who is related to the patient of somebody else, and takes the answer (2-066)', async () => {
    const birthDate = `${new Date().getUTCFullYear() - 16}-01-01`;
    const patient = { reference: 'Patient/l9' };
    await house.update({ resourceType: 'Patient', id: 'l9', birthDate });
    await house.update({ resourceType: 'RelatedPerson', id: 'mother', patient, telecom });
    const link = await asked('l9', { birthDate });
    expect(texts.at(-1)).toContain('You are asked about a device of somebody you are related to');
    const open = await house.ask('GET', link, undefined, { authorization: '' });
    const [first, again] = [await post(link, 'allow'), await post(link, 'deny')];
    expect(first.text).toContain('The care team is told now. If the person feels unwell, call the care team');
    expect([open.status, first.status, again.status]).toEqual([200, 200, 409]);
    for (const { text } of [open, first, again]) expect(text).not.toMatch(/your (care team|device)|you feel/i);
    expect(await house.search('Communication?sender=RelatedPerson/mother')).toHaveLength(2);
  });

  it("is nobody else's: a changed, invented or old one opens nothing", async () => {
    const link = await asked('l3');
    const other = (await asked('l4')).split('.');
    const [id, until_, signature] = link.split('.') as [string, string, string];
    for (const wrong of [
      [id, until_, other[2]].join('.'),
      [id, String(Number(until_) + 1), signature].join('.'),
      '/alert-answers/x',
    ]) {
      expect((await house.ask('GET', wrong, undefined, { authorization: '' })).status).toBe(404);
      expect((await post(wrong, 'allow')).status).toBe(404);
    }
    expect((await post(link, 'nonsense')).status).toBe(400);
    expect(await stageOf('l3')).toBe('ask-patient');
    const key = new Uint8Array(32);
    const token = answerPath(key, { communication: 'c', until: 5_000 }).slice('/alert-answers/'.length);
    expect([4_999, 5_000].map((now) => readAnswerLink(key, token, now)?.communication)).toEqual(['c', undefined]);
  });
});
