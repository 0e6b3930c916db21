/** Who may import whom: five layers, imports only downwards (architecture of the house). */
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { codeOf, filesBelow, textOf } from '../support/sources.ts';

/** From the ground up. Rooms of one layer may know each other, but for the knowledge: there each knows those before it. */
const layers: readonly (readonly string[])[] = [
  ['fhir', 'validation', 'terminology', 'search'],
  ['runtime.ts', 'config.ts', 'log.ts', 'measure.ts', 'settings', 'process', 'store', 'outbound'],
  ['interactions', 'operations', 'alerts', 'assignments', 'smart', 'audit', 'protect', 'metering'],
  ['ingest', 'subscriptions', 'transfer', 'assistant', 'publish', 'mappings'],
  ['http', 'translators', 'console'],
  [
    'server.ts',
    'core.ts',
    'access-rooms.ts',
    'alert-rooms.ts',
    'feed-rooms.ts',
    'console-rooms.ts',
    'open-engine.ts',
    'main.ts',
    'commands',
    'demo',
    'simulators',
  ],
];
const top = layers.length - 1;

interface Import {
  readonly from: string;
  readonly to: string;
}

/** `src/store/sqlite/writer.ts` stands in `store`, `src/log.ts` in `log.ts`, `mappings/iot-vitals/x.ts` in `mappings`. */
const roomOf = (path: string): string => {
  const [first, second] = path.split('/');
  return first === 'src' ? second! : first!;
};
const layerOf = (path: string): number => layers.findIndex((rooms) => rooms.includes(roomOf(path)));

const sources = [...filesBelow('src', '.ts'), ...filesBelow('mappings', '.ts')];
const imports: readonly Import[] = sources.flatMap((from) =>
  [...codeOf(from).matchAll(/(?:^(?:import|export)\b[^'";]*?from\s*|^import\s*|\bimport\(\s*)'([^']+)'/gm)].map(
    ([, target]) => ({
      from,
      to: target!.startsWith('.') ? normalize(join(dirname(from), target!)) : target!,
    }),
  ),
);
const inside = imports.filter(({ to }) => /^(src|mappings)\//.test(to) && to.endsWith('.ts'));
const said = ({ from, to }: Import) => `${from} imports ${to}`;
const isIn = (path: string, ...places: readonly string[]) => places.some((place) => path.startsWith(`src/${place}`));

describe('The layers', () => {
  it('have a place for every room', () => {
    expect([...new Set(sources.filter((path) => layerOf(path) < 0).map(roomOf))]).toEqual([]);
    expect(inside.length).toBeGreaterThan(20);
  });

  it('are imported downwards only', () => {
    expect(inside.filter(({ from, to }) => layerOf(to) > layerOf(from)).map(said)).toEqual([]);
  });

  it('let the rooms of the knowledge know only those before them', () => {
    const order = layers[0]!;
    const upward = inside.filter(
      ({ from, to }) =>
        layerOf(from) === 0 && layerOf(to) === 0 && order.indexOf(roomOf(to)) > order.indexOf(roomOf(from)),
    );
    expect(upward.map(said)).toEqual([]);
  });

  it('go round in no circle, not even inside a room', () => {
    const targets = new Map<string, readonly string[]>(
      sources.map((path) => [path, inside.filter(({ from }) => from === path).map(({ to }) => to)]),
    );
    const circles: string[] = [];
    const cleared = new Set<string>();
    const follow = (path: string, way: readonly string[]): void => {
      if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(' -> '));
      if (way.includes(path) || cleared.has(path)) return;
      for (const target of targets.get(path) ?? []) follow(target, [...way, path]);
      cleared.add(path);
    };
    for (const path of sources) follow(path, []);
    expect(circles).toEqual([]);
  });

  it('keep an engine of the store behind its port', () => {
    const engines = inside.filter(({ to }) => /^src\/store\/[^/]+\//.test(to));
    const outside = engines.filter(({ from, to }) => dirname(from) !== dirname(to) && layerOf(from) !== top);
    expect(outside.map(said)).toEqual([]);
  });

  it.each([
    [
      'express',
      [
        ...['http/', 'translators/', 'console/', 'smart/', 'simulators/'],
        ...['server.ts', 'access-rooms.ts', 'alert-rooms.ts', 'feed-rooms.ts', 'console-rooms.ts'],
      ],
    ],
    ['helmet', ['http/', 'server.ts']],
    ['node:sqlite', ['store/sqlite/']],
    ['mongodb', ['store/mongodb/']],
    ['undici', ['outbound/']],
    ['pino', ['log.ts']],
    ['prom-client', ['http/']],
    ['commander', ['main.ts', 'commands/']],
    ['swagger-ui-express', ['http/portal.ts']],
    ['@lhncbc/ucum-lhc', ['fhir/']],
    ['jsonwebtoken', ['smart/clients/verify-jwt.ts']],
  ])('keep %s in its room', (name, places) => {
    const strays = imports.filter(
      ({ from, to }) => (to === name || to.startsWith(`${name}/`)) && !isIn(from, ...places),
    );
    expect(strays.map(said)).toEqual([]);
  });

  it('use only packages that package.json names for the running server', () => {
    const named = Object.keys(JSON.parse(textOf('package.json')).dependencies);
    const foreign = imports.filter(({ to }) => !/^(node:|src\/|mappings\/|\.)/.test(to) && to !== 'package.json');
    expect(
      foreign.filter(({ to }) => !named.some((name) => to === name || to.startsWith(`${name}/`))).map(said),
    ).toEqual([]);
  });

  it('keep outgoing HTTP in outbound', () => {
    const client = /(?<![\w.])fetch\(|\b(?:http|https)\.(?:request|get)\(/;
    const strays = sources.filter(
      (path) => layerOf(path) !== top && !isIn(path, 'outbound/') && client.test(codeOf(path)),
    );
    expect(strays).toEqual([]);
  });
});
