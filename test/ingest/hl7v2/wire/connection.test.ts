import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ConnectionRoom, SMALL, serveConnection } from '../../../../src/ingest/hl7v2/wire/connection.ts';
import { createPermits } from '../../../../src/ingest/hl7v2/wire/permits.ts';
import { systemRuntime } from '../../../../src/runtime.ts';
import { until } from '../../../support/until.ts';

const VT = '\x0b';
const END = '\x1c\r';
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('A sender that takes its time', () => {
  let server: Server | undefined;
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server?.close();
  });

  async function serve(room: Partial<ConnectionRoom>) {
    const counted = { open: 0, waiting: 0 };
    const permits = createPermits(1);
    server = createServer((socket) => {
      counted.open++;
      void serveConnection(socket, {
        receive: async (bytes) => `got ${bytes.length}`,
        refuse: () => 'refused',
        onFault: () => undefined,
        onDropped: () => undefined,
        onWaiting: (bytes) => (counted.waiting += bytes),
        permits,
        runtime: systemRuntime,
        signal: new AbortController().signal,
        ...room,
      }).then(() => counted.open--);
    }).listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    async function sender() {
      const socket = connect(port);
      sockets.push(socket);
      const heard = { text: '', isClosed: false };
      socket.on('data', (chunk) => (heard.text += chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => (heard.isClosed = true));
      await once(socket, 'connect');
      return { socket, heard };
    }
    return { counted, sender };
  }

  it('is let go when nothing comes, and nothing of it stays', async () => {
    const { sender, counted } = await serve({ limits: { idle: 100 } });
    const { socket, heard } = await sender();
    socket.write(`${VT}half a message`);
    await until(() => heard.isClosed);
    await until(() => counted.open === 0);
    expect([heard.text, counted.waiting]).toEqual(['', 0]);
  });

  it('is let go when its message is not whole in time, however steadily it drips', async () => {
    const { sender } = await serve({ limits: { idle: 1_000, frame: 200 } });
    const { socket, heard } = await sender();
    socket.write(VT);
    for (let i = 0; i < 30 && !heard.isClosed; i++) {
      socket.write('x');
      await pause(20);
    }
    await until(() => heard.isClosed);
  });

  it('is waited for while its message is stored, longer than an idle one', async () => {
    const receive = async () => {
      await pause(1_500);
      return 'stored';
    };
    const { sender } = await serve({ receive, limits: { idle: 1_000 } });
    const { socket, heard } = await sender();
    socket.write(`${VT}A${END}`);
    await until(() => heard.text !== '');
    expect(heard.text).toBe(`${VT}stored${END}`);
    await until(() => heard.isClosed);
  });

  it('does not hold up the large messages of others for long', async () => {
    const { sender, counted } = await serve({ limits: { idle: 15_000, stalled: 2_500 } });
    const large = `${VT}${'x'.repeat(2 * SMALL)}`;
    const first = await sender();
    first.socket.write(large);
    await until(() => counted.waiting > SMALL);
    const second = await sender();
    second.socket.write(`${large}${END}`);
    const small = await sender();
    small.socket.write(`${VT}small${END}`);
    await until(() => small.heard.text !== '');
    expect(second.heard.text).toBe('');
    // Before the first is let go as an idle one.
    await until(() => second.heard.text !== '', 10);
    await until(() => first.heard.isClosed);
    expect(second.heard.text).toBe(`${VT}got ${2 * SMALL}${END}`);
    expect([first.heard.isClosed, first.heard.text]).toEqual([true, '']);
  });

  it('and reads no answers is read from no more', async () => {
    let received = 0;
    const receive = async () => {
      received++;
      return 'x'.repeat(1024 * 1024);
    };
    const { sender } = await serve({ receive, limits: { idle: 5_000 } });
    const { socket, heard } = await sender();
    socket.pause();
    socket.write(`${VT}A${END}`.repeat(1_000));
    await pause(250);
    expect(received).toBeLessThan(50);
    socket.resume();
    await until(() => heard.text.length > 0);
  });
});
