/** Dockerfile and docker-compose.yml speak of settings and ports that exist. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig, settings } from '../../src/config.ts';
import { releaseObjection } from '../../src/store/mongodb/releases.ts';
import { placeOf } from '../../src/store/mongodb-uri.ts';
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

const compose = parse(textOf('docker-compose.yml'), { merge: true });
const services = Object.entries<any>(compose.services);
const service = compose.services.watchfire;

/** What compose hands to the container when the person who starts it sets these. */
const handedOver = (given: Readonly<Record<string, string>>, to = service) =>
  Object.fromEntries(
    Object.entries<string>(to.environment).map(([name, value]) => [
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

/** The ports of a service that it publishes, as the container knows them. */
const targetsOf = ({ ports }: { ports: readonly string[] }) => ports.map((published) => published.split(':').at(-1));

describe('The composition', () => {
  it('is one server in the production profile with one volume', () => {
    expect(services.filter(([, { profiles }]) => !profiles).map(([name]) => name)).toEqual(['watchfire']);
    expect(service.volumes).toEqual([`watchfire-data:${variables.WATCHFIRE_DATA}`]);
    expect(service.environment.WATCHFIRE_PROFILE).toBe('production');
  });

  it('names only settings of config.ts, for the container and for the person who starts it', () => {
    const handed = services.flatMap(([, { environment }]) => Object.keys(environment ?? {}));
    expect(handed.length).toBeGreaterThan(10);
    expect(handed.filter((name) => !known.has(name))).toEqual([]);
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
    expect(targetsOf(service)).toEqual([port]);
  });

  it('publishes no port twice, and none beyond this machine', () => {
    const published = services.flatMap(([, { ports }]) => (ports ?? []) as string[]);
    expect(published.filter((entry) => !entry.startsWith('127.0.0.1:'))).toEqual([]);
    expect(new Set(published.map((entry) => entry.split(':')[1])).size).toBe(published.length);
  });

  it('mounts every volume that it declares, and no other', () => {
    const mounted = services.flatMap(([, { volumes }]) => ((volumes ?? []) as string[]).map((at) => at.split(':')[0]!));
    expect(mounted.sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  it('gives the server longer to drain than it takes', () => {
    const drain = Number(settings.find(({ name }) => name === 'WATCHFIRE_DRAIN_SECONDS')!.fallback);
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThan(drain);
  });
});

describe('The cluster of the composition', () => {
  const inCluster = services.filter(([, { profiles }]) => profiles?.includes('cluster'));
  const named = (image: RegExp) => inCluster.filter(([, { image: its }]) => image.test(its));
  const servers = named(/^watchfire$/);
  const members = inCluster.filter(([, { command }]) => command?.[0] === 'mongod');
  const [initiation] = inCluster.filter(([, { command }]) => command?.[0] === 'mongosh');
  const [proxy] = named(/^haproxy:/);
  const storeUri: string = servers[0]![1].environment.WATCHFIRE_STORE;
  const hosts = members.map(([name]) => `${name}:27017`);

  it('is two servers, three members, what makes them a set, and one port before the servers', () => {
    expect(servers).toHaveLength(2);
    expect(members).toHaveLength(3);
    expect(inCluster).toHaveLength(2 + 3 + 2);
    expect(inCluster.map(([, { profiles }]) => profiles)).toEqual(inCluster.map(() => ['cluster']));
  });

  it('starts both servers alike, in the production profile, on the set', () => {
    for (const [, server] of servers) {
      const given = handedOver({ WATCHFIRE_ADMIN_TOKEN: 'x'.repeat(32) }, server);
      expect(readConfig({ ...variables, ...given })).toMatchObject({ profile: 'production', store: storeUri });
      expect(() => readConfig({ ...variables, ...handedOver({}, server) })).toThrow('WATCHFIRE_ADMIN_TOKEN');
      expect(server).toEqual(servers[0]![1]);
    }
    expect(new URL(storeUri.replace(/,[^/]*/, '')).searchParams.get('replicaSet')).toBe('watchfire');
    expect(placeOf(storeUri)).toBe(`${hosts.join(',')}/watchfire`);
  });

  it('has members of one release without known faults, as one set, without zlib', () => {
    const images = new Set([...members, initiation!].map(([, { image }]) => image));
    expect(images.size).toBe(1);
    expect(releaseObjection([...images][0].replace(/^mongo:/, ''), undefined)).toBeUndefined();
    for (const [, { command }] of members) {
      expect(command).toEqual(expect.arrayContaining(['--replSet=watchfire', '--bind_ip_all', '--port=27017']));
      expect(command.join(' ')).toMatch(/--networkMessageCompressors=(?!\S*zlib)/);
    }
  });

  it('makes exactly these members a set before a server starts', () => {
    const script: string = initiation![1].command.at(-1);
    expect([...script.matchAll(/host: '([^']+)'/g)].map(([, host]) => host)).toEqual(hosts);
    expect(script).toContain("_id: 'watchfire'");
    for (const [name, member] of members) {
      expect(initiation![1].depends_on[name]).toEqual({ condition: 'service_healthy' });
      expect(member.healthcheck.test).toContain('mongosh');
    }
    for (const [, server] of servers) {
      expect(server.depends_on).toEqual({ [initiation![0]]: { condition: 'service_completed_successfully' } });
    }
  });

  it('is reached by one port, which leads to the port of both servers and asks for their health', () => {
    const [mount] = proxy![1].configs;
    const configuration: string = compose.configs[mount.source].content;
    const listened = /^\s*bind :(\d+)$/m.exec(configuration)![1];
    expect(targetsOf(proxy![1])).toEqual([listened]);
    expect(inCluster.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual([proxy![0]]);
    const behind = [...configuration.matchAll(/^\s*server (\S+) (\S+):(\d+)$/gm)].map((found) => found.slice(1));
    expect(behind).toEqual(servers.map(([name]) => [name, name, port]));
    expect(configuration).toContain('httpchk GET /health/ready');
    expect(proxy![1].depends_on).toEqual(servers.map(([name]) => name));
    const given = handedOver({}, servers[0]![1]).WATCHFIRE_BASE_URL!;
    expect(`127.0.0.1:${new URL(given).port}:${listened}`).toBe(proxy![1].ports[0]);
  });

  it('keeps the members on a network of their own, which only the servers reach and which leads nowhere', () => {
    expect(compose.networks.store).toEqual({ internal: true });
    const onStore = inCluster.filter(([, { networks }]) => networks.includes('store')).map(([name]) => name);
    expect(onStore.sort()).toEqual([...servers, ...members, initiation!].map(([name]) => name).sort());
    for (const [, { networks, ports }] of members) {
      expect(networks).toEqual(['store']);
      expect(ports).toBeUndefined();
    }
  });

  it('gives every server longer to drain than it takes', () => {
    const drain = Number(settings.find(({ name }) => name === 'WATCHFIRE_DRAIN_SECONDS')!.fallback);
    for (const [, server] of servers) expect(Number.parseInt(server.stop_grace_period, 10)).toBeGreaterThan(drain);
  });
});
