/** The load driver against its own floor: honest answers count, and every kind of wrong answer is noticed. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readAnswer } from '../../bench/client.ts';
import { startFloor } from '../../bench/floor.ts';
import type { Floor } from '../../bench/floor-server.ts';
import { type Figure, faulty, measure } from '../../bench/measure.ts';
import { OPERATIONS, operationNamed } from '../../bench/report.ts';
import { settle, type World } from '../../bench/world.ts';

interface Reply {
  status: number;
  body: string;
}
type Ask = (method: string, path: string, body?: string) => Promise<Reply>;
type Lie = (reply: Reply, method: string, path: string, ask: Ask) => Reply | Promise<Reply>;

const honest: Lie = (reply) => reply;
const edited =
  (when: (method: string, path: string) => boolean, edit: (json: any) => void): Lie =>
  (reply, method, path) => {
    if (!when(method, path) || !reply.body) return reply;
    const json = JSON.parse(reply.body);
    edit(json);
    return { status: reply.status, body: JSON.stringify(json) };
  };
const gets = (part: string) => (method: string, path: string) => method === 'GET' && path.includes(part);
const posts = (part: string) => (method: string, path: string) => method === 'POST' && path.endsWith(part);

/** Nothing was answered within the window, right or wrong: so it is on a machine that has much else to do. */
const isTooShort = ({ answers, wrong }: Figure, seconds: number) => answers + wrong === 0 && seconds < 5;

describe('the load driver', () => {
  let floor: Floor;
  let between: Server;
  let world: World;
  let lie = honest;

  const origin = () => `http://127.0.0.1:${floor.port}`;
  const ask: Ask = async (method, path, body) => {
    const answer = await fetch(origin() + path, { method, body });
    return { status: answer.status, body: await answer.text() };
  };

  beforeAll(async () => {
    floor = await startFloor({ kind: 'sqlite', audit: 'strict', file: ':memory:', port: 0 });
    between = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      const { method, url, headers } = request;
      const condition = headers['if-none-exist'];
      const answer = await fetch(origin() + url, {
        method,
        body: parts.length ? Buffer.concat(parts) : undefined,
        headers: condition ? { 'If-None-Exist': `${condition}` } : {},
      });
      const reply = await lie({ status: answer.status, body: await answer.text() }, method!, url!, ask);
      if (reply.status === 0) return response.destroy();
      const location = answer.headers.get('location');
      response.writeHead(reply.status, location ? { Location: location } : {}).end(reply.body);
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(between.address() as AddressInfo).port}/fhir`;
    world = await settle({ base, token: 't', seed: 3, concurrency: 2, patients: 2, hours: 30, nonce: 'test' });
  });
  afterAll(async () => {
    world.close();
    between.closeAllConnections();
    await new Promise((resolve) => between.close(resolve));
    await floor.close();
  });

  const run = async (name: string, how: Lie = honest, seconds = 0.15): Promise<Figure> => {
    const operation = operationNamed(name)!;
    const load = { concurrency: 2, seconds, warmUp: 0, seed: 3, pids: [] };
    const figure = await measure(
      {
        ...operation,
        begin: async (...given) => {
          lie = honest;
          const running = await operation.begin(...given);
          lie = how;
          return running;
        },
      },
      world,
      load,
    ).finally(() => {
      lie = honest;
    });
    return isTooShort(figure, seconds) ? run(name, how, seconds * 8) : figure;
  };

  for (const { name } of OPERATIONS) {
    it(`counts the right answers of ${name} and finds nothing to complain about`, async () => {
      const figure = await run(name);

      expect(figure.complaints).toEqual([]);
      expect(figure.verified).not.toBe('failed');
      expect(figure.answers).toBeGreaterThan(0);
      expect(faulty(figure)).toBe(false);
    });
  }

  const lies: readonly (readonly [operation: string, what: string, lie: Lie])[] = [
    ['create', 'another value', edited(posts('/Observation'), (json) => (json.valueQuantity.value += 1))],
    ['create', 'the status of an update', (r, method) => (method === 'POST' ? { ...r, status: 200 } : r)],
    ['read', 'the neighbour', edited(gets('/Observation/'), (json) => (json.id = 'another'))],
    ['read', 'a broken body', (r) => ({ ...r, body: r.body.slice(1) })],
    ['vread', 'the newest version', edited(gets('/_history/'), (json) => (json.meta.versionId = '9'))],
    [
      'update',
      'the value before',
      edited(
        (method) => method === 'PUT',
        (json) => (json.valueQuantity.value = -1),
      ),
    ],
    ['cond-create', 'a second creation', (r, method) => (method === 'POST' ? { ...r, status: 201 } : r)],
    ['search', 'one match too few', edited(gets('?'), (json) => json.entry.pop())],
    ['search', 'the oldest first', edited(gets('?'), (json) => json.entry.reverse())],
    ['include', 'no device', edited(gets('_include'), (json) => json.entry.pop())],
    ['include', 'a stranger', edited(gets('?'), (json) => (json.entry[3].resource.subject.reference = 'Patient/x'))],
    ['token', 'nobody', edited(gets('?'), (json) => (json.entry = []))],
    ['iot-post', 'no number', edited(posts('/vitals/'), (json) => (json.vital_sign_id = 'seven'))],
    ['iot-batch', 'one number short', edited(posts('/batch/'), (json) => json.vitals_created.pop())],
    ['transaction', 'one entry short', edited(posts('/fhir'), (json) => json.entry.pop())],
    ['delete', 'a refusal', (r, method) => (method === 'DELETE' ? { status: 409, body: '{}' } : r)],
  ];
  for (const [operation, what, how] of lies) {
    it(`notices when ${operation} is answered with ${what}`, async () => {
      const figure = await run(operation, how);

      expect(figure.wrong).toBeGreaterThan(0);
      expect(faulty(figure)).toBe(true);
    });
  }

  const losses: readonly (readonly [operation: string, what: string, lie: Lie])[] = [
    [
      'create',
      'was acknowledged and is gone',
      async (reply, method, path, ask) => {
        if (method === 'POST') await ask('DELETE', `${path}/${JSON.parse(reply.body).id}`);
        return reply;
      },
    ],
    ['update', 'reads as before', edited(gets('/Observation/'), (json) => (json.valueQuantity.value = 5))],
    ['cond-create', 'is stored twice', edited(gets('identifier='), (json) => json.entry.push(json.entry[0]))],
    ['iot-post', 'is not found over FHIR', edited(gets('?'), (json) => (json.entry = []))],
    ['iot-batch', 'is not found over FHIR', edited(gets('?'), (json) => (json.entry = []))],
    ['transaction', 'left a part behind', edited(gets('?'), (json) => json.entry.pop())],
    ['delete', 'is still there', (reply, method) => (method === 'GET' ? { ...reply, status: 200 } : reply)],
  ];
  for (const [operation, what, how] of losses) {
    it(`voids the figure when what ${operation} wrote ${what}`, async () => {
      const figure = await run(operation, how);

      expect(figure.verified).toBe('failed');
      expect(figure.perSecond).toBe(0);
      expect(faulty(figure)).toBe(true);
    });
  }

  it('says so when a connection breaks instead of an answer', async () => {
    const figure = await run('read', (reply) => ({ ...reply, status: 0 }));

    expect(figure.complaints).toContain('connection closed');
    expect(figure.answers).toBe(0);
    expect(faulty(figure)).toBe(true);
  });
});

describe('the bare floor', () => {
  it('gives 600 bytes to whoever asks', async () => {
    const floor = await startFloor({ kind: 'bare', audit: 'none', file: '', port: 0 });
    const base = `http://127.0.0.1:${floor.port}/fhir`;
    const world = await settle({ base, token: '', seed: 1, concurrency: 0, patients: 0, hours: 24, nonce: 'bare' });
    const load = { concurrency: 2, warmUp: 0, seed: 1, pids: [] };
    const run = async (name: string, seconds = 0.1): Promise<Figure> => {
      const figure = await measure(operationNamed(name)!, world, { ...load, seconds });
      return isTooShort(figure, seconds) ? run(name, seconds * 8) : figure;
    };

    expect(await (await fetch(`${base}/canned`)).text()).toHaveLength(600);
    for (const name of ['bare', 'bare-post']) expect(faulty(await run(name))).toBe(false);
    world.close();
    await floor.close();
  });
});

describe('the client', () => {
  const answerOf = (text: string) => readAnswer(Buffer.from(text));

  it('waits for the last byte, whichever way its length is told', () => {
    const counted = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello';
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n';
    for (const text of [counted, chunked]) {
      for (let cut = 0; cut < text.length; cut++) expect(answerOf(text.slice(0, cut))).toBeUndefined();
      expect(answerOf(text)?.answer.body).toBe('hello');
      expect(answerOf(`${text}HTTP/1.1`)?.end).toBe(text.length);
    }
  });

  it('passes over an interim answer and takes one without a body', () => {
    const read = answerOf('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nETag: W/"3"\r\n\r\n');

    expect(read?.answer).toMatchObject({ status: 204, body: '' });
  });
});
