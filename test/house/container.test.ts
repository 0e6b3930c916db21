/** Dockerfile and docker-compose.yml speak of settings and ports that exist. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig, settings } from '../../src/config.ts';
import { root, textOf } from '../support/sources.ts';

const known = new Set(settings.flatMap(({ name, aliases }) => [name, ...aliases]));
const port = settings.find(({ name }) => name === 'WATCHFIRE_PORT')!.fallback;

/** The instructions of a Dockerfile, continued lines joined. */
const instructions = textOf('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter(Boolean)
  .map((line) => /^(\w+)\s+(.*)$/.exec(line)!.slice(1) as [word: string, rest: string]);
const all = (word: string) => instructions.filter(([name]) => name === word).map(([, rest]) => rest);
const variables = Object.fromEntries(
  all('ENV').flatMap((rest) => [...rest.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!])),
);

const compose = parse(textOf('docker-compose.yml'));
const service = compose.services.watchfire;

/** What compose hands to the container when the person who starts it sets these. */
const handedOver = (given: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries<string>(service.environment).map(([name, value]) => [
      name,
      value.replace(/^\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}$/, (_all, asked, fallback) => given[asked] ?? fallback ?? ''),
    ]),
  );

describe('The image', () => {
  it('stands on Node 24 and does not run as root', () => {
    expect(all('FROM')).toEqual([expect.stringMatching(/^node:24(?:[.-]|$)/)]);
    expect(all('USER')).toEqual(['node']);
  });

  it('sets only settings of config.ts, to values that it takes', () => {
    const ours = Object.keys(variables).filter((name) => name !== 'NODE_ENV');
    expect(ours.filter((name) => !known.has(name))).toEqual([]);
    expect(readConfig(variables)).toMatchObject({ host: '0.0.0.0', data: '/data' });
  });

  it('exposes the port that the server listens on, and asks there for its health', () => {
    expect(all('EXPOSE')).toEqual([variables.WATCHFIRE_PORT]);
    expect(variables.WATCHFIRE_PORT).toBe(port);
    expect(all('HEALTHCHECK')[0]).toContain('/health/ready');
    expect(all('HEALTHCHECK')[0]).toContain('process.env.WATCHFIRE_PORT');
  });

  it('keeps the data folder on a volume', () => {
    expect(all('VOLUME')).toEqual([variables.WATCHFIRE_DATA]);
  });

  it('starts the program that package.json names, and takes along what it needs', () => {
    const [node, ...words] = JSON.parse(all('ENTRYPOINT')[0]!) as string[];
    const program = words.at(-1);
    const manifest = JSON.parse(textOf('package.json'));
    expect(node).toBe('node');
    expect(program).toBe(manifest.bin.watchfire);
    expect(manifest.scripts.start).toBe(`node ${words.join(' ')} serve`);
    const left = textOf('.dockerignore').split('\n');
    for (const needed of ['bin', 'src', 'capability', 'profiles', 'mappings', 'package.json', 'LICENSE', 'NOTICE']) {
      expect(left).not.toContain(needed);
      expect(existsSync(join(root, needed))).toBe(true);
    }
  });
});

describe('The composition', () => {
  it('is one server in the production profile with one volume', () => {
    expect(Object.keys(compose.services)).toEqual(['watchfire']);
    expect(Object.keys(compose.volumes)).toHaveLength(1);
    expect(service.volumes).toEqual([`${Object.keys(compose.volumes)[0]}:${variables.WATCHFIRE_DATA}`]);
    expect(service.environment.WATCHFIRE_PROFILE).toBe('production');
  });

  it('names only settings of config.ts, for the container and for the person who starts it', () => {
    expect(Object.keys(service.environment).filter((name) => !known.has(name))).toEqual([]);
    const asked = [...textOf('docker-compose.yml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  it('demands the admin token and starts with nothing else', () => {
    expect(service.environment.WATCHFIRE_ADMIN_TOKEN).toMatch(/^\$\{WATCHFIRE_ADMIN_TOKEN:\?.+\}$/);
    const config = readConfig({ ...variables, ...handedOver({ WATCHFIRE_ADMIN_TOKEN: 'x'.repeat(32) }) });
    expect(config).toMatchObject({ profile: 'production', outboundAllow: [] });
    expect(() => readConfig({ ...variables, ...handedOver({}) })).toThrow('WATCHFIRE_ADMIN_TOKEN');
  });

  it('publishes the port of the server', () => {
    expect(service.ports.map((published: string) => published.split(':').at(-1))).toEqual([port]);
  });

  it('gives the server longer to drain than it takes', () => {
    const drain = Number(settings.find(({ name }) => name === 'WATCHFIRE_DRAIN_SECONDS')!.fallback);
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThan(drain);
  });
});
