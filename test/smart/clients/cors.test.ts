/** I51: pages of registered apps may call, and no others; over the middleware and a real registry. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { cors } from '../../../src/http/cors.ts';
import { app, type ClientsHouse, none, openClientsHouse } from './clients-house.ts';

let house: ClientsHouse;
let server: Server;
let url: string;
const own = 'https://app.example.org';
beforeAll(async () => {
  house = await openClientsHouse();
  await house.clients.register(app({ redirect_uris: [`${own}/callback`, 'com.example.app:/callback'] }), none);
  const door = express().use(cors(house.clients.isOrigin), (_request, response) => void response.json({ told: true }));
  server = createServer(door);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir/Patient`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await house.stop();
});

const preflight = (origin: string) =>
  fetch(url, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' },
  });
const listOf = (response: Response, name: string) => (response.headers.get(name) ?? '').toLowerCase().split(', ');

describe('A page of a registered app', () => {
  it('may call, and read what FHIR says in headers', async () => {
    const response = await fetch(url, { headers: { origin: own } });
    expect(await response.json()).toEqual({ told: true });
    expect(response.headers.get('access-control-allow-origin')).toBe(own);
    expect(response.headers.get('vary')).toContain('Origin');
    expect(listOf(response, 'access-control-expose-headers')).toEqual(
      expect.arrayContaining(['etag', 'location', 'last-modified', 'content-location', 'x-request-id']),
    );
  });

  it('is told before what it may send', async () => {
    const response = await preflight(own);
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(own);
    expect(listOf(response, 'access-control-allow-methods')).toEqual(
      expect.arrayContaining(['get', 'post', 'put', 'patch', 'delete']),
    );
    expect(listOf(response, 'access-control-allow-headers')).toEqual(
      expect.arrayContaining([
        'authorization',
        'content-type',
        'if-match',
        'if-none-match',
        'if-none-exist',
        'if-modified-since',
        'prefer',
        'x-request-id',
      ]),
    );
  });

  it('sends no cookies', async () => {
    for (const response of [await preflight(own), await fetch(url, { headers: { origin: own } })])
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  });
});

describe('A page of nobody', () => {
  it.each([
    'null',
    'https://evil.example',
    'http://app.example.org',
    'https://app.example.org:8443',
    'https://app.example.org.evil.example',
    'https://evil.example/https://app.example.org',
    'https://APP.example.org',
    'com.example.app:',
    '*',
    '',
    `https://${'a'.repeat(5_000)}`,
  ])('is told nothing: %s', async (origin) => {
    for (const response of [await preflight(origin), await fetch(url, { headers: { origin } })]) {
      const names = [...response.headers.keys()].filter((name) => name.startsWith('access-control-'));
      expect(names).toEqual([]);
    }
  });

  it('nor the page of an app that was disabled', async () => {
    const origin = 'https://other.example.org';
    const { client } = await house.clients.register(app({ redirect_uris: [`${origin}/`] }), none);
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBe(origin);
    await house.clients.disable(client.clientId, none);
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('A request without an origin', () => {
  it('passes as it is, OPTIONS of no preflight too', async () => {
    expect(await (await fetch(url)).json()).toEqual({ told: true });
    expect(await (await fetch(url, { method: 'OPTIONS', headers: { origin: own } })).json()).toEqual({ told: true });
  });
});
