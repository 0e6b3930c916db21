import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  discardQuarantined,
  printQuarantine,
  printQuarantined,
  retryQuarantined,
} from '../../src/commands/quarantine.ts';
import { readConfig } from '../../src/config.ts';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

const message = (controlId: string, value = '5.4', patient = '44871^^^CLINIC^MR') =>
  [
    `MSH|^~\\&|LAB|CITY|WATCHFIRE|CLINIC|20251117101500-0500||ORU^R01^ORU_R01|${controlId}|P|2.5.1`,
    `PID|1||${patient}||DOE^JOHN||19620214|M`,
    'OBR|1||F-1|2345-7^Glucose^LN|||20251117100000-0500||||||||||||||||||F',
    `OBX|1|NM|2345-7^Glucose^LN||${value}|mmol/L^^UCUM|||||F`,
    '',
  ].join('\r');

describe('HL7 v2 over HTTP', () => {
  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.stop());

  const send = (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> =>
    house.ask('POST', '/hl7v2', body, { 'content-type': 'application/hl7-v2', ...headers });
  const held = async () => (await house.ask('GET', '/admin/quarantine?state=open')).body.quarantine;

  it('is answered with the acknowledgement once it is stored, and alike when it comes again', async () => {
    const answer = await send(message('H1'));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/hl7-v2; charset=utf-8']);
    expect(answer.text).toMatch(/\rMSA\|AA\|H1\r$/);
    expect((await send(message('H1'))).text).toBe(answer.text);
    expect((await house.search('Observation?code=2345-7')).length).toBe(1);
    expect((await house.search('Patient?identifier=44871')).length).toBe(1);
    const [provenance] = await house.search('Provenance');
    const { reference } = provenance.entity[0].what;
    const { content } = (await house.read(reference)).body;
    const binary = (await house.read(content[0].attachment.url, { accept: 'application/fhir+json' })).body;
    expect(String(Buffer.from(binary.data, 'base64'))).toBe(message('H1'));
  });

  it('may be several at once', async () => {
    const { status, text } = await send(`BHS|^~\\&\r${message('H2')}${message('H3')}BTS|2\r`);
    expect(status).toBe(200);
    expect(text.match(/MSA\|AA\|H[23]/g)).toEqual(['MSA|AA|H2', 'MSA|AA|H3']);
    expect(text).toMatch(/^BHS.*\rBTS\|2\r$/s);
  });

  it.each(['application/hl7-v2+er7', 'x-application/hl7-v2+er7', 'text/plain; charset=iso-8859-1'])(
    'may be called %s',
    async (type) => expect((await send(message(`T${type.length}`), { 'content-type': type })).status).toBe(200),
  );

  it('is for those alone who may hand it in', async () => {
    await house.create({ resourceType: 'Device', identifier: [{ value: 'DEV1' }], status: 'active' });
    const key = await house.deviceKey('DEV1');
    expect((await send(message('A1'), { authorization: '' })).status).toBe(401);
    expect((await send(message('A1'), { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await send(message('A1'), { authorization: `Bearer ${key}` })).status).toBe(403);
  });

  it('is for a client with the scope system/MessageHeader.c', async () => {
    const tokenFor = async (scope: string) => {
      const registered = await house.ask('POST', '/admin/clients', {
        client_name: 'Engine',
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'client_secret_basic',
        scope,
      });
      const { client_id: id, client_secret: secret } = registered.body;
      const granted = await house.ask('POST', '/oauth/token', `grant_type=client_credentials&scope=${scope}`, {
        authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      });
      return granted.body.access_token;
    };
    const sent = async (scope: string, id: string) =>
      (await send(message(id), { authorization: `Bearer ${await tokenFor(scope)}` })).status;
    expect(await sent('system/MessageHeader.c', 'C1')).toBe(200);
    expect(await sent('system/Observation.cruds', 'C2')).toBe(403);
  });

  it('is refused where it cannot be a message at all', async () => {
    expect((await send(message('B1'), { 'content-type': 'application/json' })).status).toBe(415);
    expect((await house.ask('GET', '/hl7v2')).status).toBe(405);
    expect((await send(new Uint8Array(20 * 1024 * 1024 + 1))).status).toBe(413);
  });

  it('is kept where it cannot be taken in, and taken in once it is repaired', async () => {
    const broken = await send(message('Q1', '1', ''));
    expect([broken.status, /\rMSA\|AE\|Q1\|/.test(broken.text)]).toEqual([422, true]);
    const [one] = await held();
    expect(one).toMatchObject({ feed: 'hl7v2', code: 'no-patient', state: 'open' });
    const path = `/admin/quarantine/${one.id}`;
    expect((await house.ask('GET', path)).body).toMatchObject({ id: one.id, can_retry: true });
    expect((await house.ask('GET', `${path}/payload`)).text).toBe(message('Q1', '1', ''));

    const early = await house.ask('POST', `${path}/retry`);
    expect([early.status, early.body.issue[0].diagnostics]).toEqual([422, one.reason]);
    expect((await held()).length).toBe(1);

    const repaired = message('Q1', '1', 'Q1^^^CLINIC^MR');
    const taken = await house.ask('POST', `${path}/retry`, repaired, { 'content-type': 'application/octet-stream' });
    expect([taken.status, taken.body.state]).toEqual([200, 'taken-in']);
    expect((await house.search('Patient?identifier=Q1')).length).toBe(1);
    expect((await house.ask('POST', `${path}/retry`)).status).toBe(409);
    expect((await house.ask('GET', path)).body.can_retry).toBe(false);
    expect((await send(repaired)).text).toMatch(/\rMSA\|AA\|Q1\r/);
  });

  it('that is nothing is answered 400, and may be discarded with a reason', async () => {
    const nothing = await send('hello');
    expect([nothing.status, /\rMSA\|AE\|\|/.test(nothing.text)]).toEqual([400, true]);
    const [one] = await held();
    const path = `/admin/quarantine/${one.id}`;
    expect((await house.ask('POST', `${path}/discard`, {})).status).toBe(400);
    const discarded = await house.ask('POST', `${path}/discard`, { reason: 'a test' });
    expect([discarded.status, discarded.body.state]).toEqual([200, 'discarded']);
    expect(await held()).toEqual([]);
    expect((await house.ask('GET', '/admin/quarantine/none')).status).toBe(404);
    expect((await house.ask('GET', path, undefined, { authorization: '' })).status).toBe(401);
  });

  it('is seen, repaired and discarded from the command line too', async () => {
    const printed = async (command: (config: any, print: (line: string) => void) => Promise<void>) => {
      const lines: string[] = [];
      await command({ ...readConfig({}), data: house.dataFolder }, (line) => lines.push(line));
      return lines.join('\n');
    };
    await send(message('K1', '1', ''));
    const listed = await printed((config, print) => printQuarantine(config, { state: 'open' }, print));
    expect(listed).toMatch(/^hl7v2\.\w{32} {2}\S+Z {2}open {2}no-patient: /);
    const id = listed.split(' ')[0]!;
    expect(JSON.parse(await printed((config, print) => printQuarantined(config, id, print)))).toMatchObject({ id });
    await expect(printed((config, print) => retryQuarantined(config, id, undefined, print))).rejects.toThrow(
      'no patient',
    );
    const file = join(house.dataFolder, 'repaired.hl7');
    writeFileSync(file, message('K1', '1', 'K1^^^CLINIC^MR'));
    expect(await printed((config, print) => retryQuarantined(config, id, file, print))).toBe(`${id} is taken in`);
    await expect(printed((config, print) => discardQuarantined(config, id, 'late', print))).rejects.toThrow('already');
    expect(await printed((config, print) => printQuarantine(config, { state: 'open' }, print))).toBe('nothing');
  });

  it('is listed page by page in the quarantine', async () => {
    for (let i = 0; i < 5; i++) await send(`rubbish ${i}`);
    const ids: string[] = [];
    for (let next = '/admin/quarantine?count=2&feed=hl7v2&code=unreadable&state=open'; next; ) {
      const { body } = await house.ask('GET', next);
      expect(body.quarantine.length).toBeLessThanOrEqual(2);
      ids.push(...body.quarantine.map(({ id }: { id: string }) => id));
      next = body.next;
    }
    expect(new Set(ids).size).toBe(5);
    expect((await house.ask('GET', '/admin/quarantine?feed=medtronic')).body).toEqual({ quarantine: [], next: null });
  });
});
