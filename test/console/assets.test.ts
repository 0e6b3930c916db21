/** What pages load: by a hash, compressed, for ever; and how much that is. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { assetPath, assets } from '../../src/console/assets.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { textOf } from '../support/sources.ts';

/** Bytes that the scripts and styles of one page may be, compressed. */
const MOST = 60 * 1024;

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

/** As it comes over the line. */
async function raw(path: string, coding: string) {
  const { get } = await import('node:http');
  return new Promise<{ status: number; headers: any; body: Buffer }>((resolve, reject) => {
    get(`${house.url}${path}`, { headers: { 'accept-encoding': coding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    }).on('error', reject);
  });
}

/** All that a script imports, itself too. */
function imported(name: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(name)) return found;
  found.add(name);
  const text = assets().files.get(name)!.bytes.toString();
  for (const [, path] of text.matchAll(/(?:from|import)\s*'(\.[^']+)'/g))
    imported(new URL(path!, `http://x/${name}`).pathname.slice(1), found);
  return found;
}

describe('Files of the pages', () => {
  it('are kept for ever by their hash, and asked for anew by another', async () => {
    const path = assetPath('page.js');
    const now = await raw(path, 'identity');
    const former = await raw(path.replace(/[^/]+(?=\/page\.js)/, 'former'), 'identity');

    expect(now.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
      'x-content-type-options': 'nosniff',
      vary: 'Accept-Encoding',
    });
    expect(former.headers['cache-control']).toBe('no-cache');
    expect(former.body).toEqual(now.body);
  });

  it('come compressed as the browser takes them', async () => {
    const path = assetPath('vendor/uplot.js');
    const [plain, br, gzip] = await Promise.all(['identity', 'br, gzip', 'gzip'].map((coding) => raw(path, coding)));

    expect(br!.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(br!.body)).toEqual(plain!.body);
    expect(gzip!.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(gzip!.body)).toEqual(plain!.body);
    expect(plain!.body.toString()).toMatch(/^\/\*! https:\/\/github.com\/leeoniya\/uPlot/);
  });

  it('leave their comments here, what is vendored its licence not, and every line keeps its number', async () => {
    const { files } = assets();
    for (const [name, { bytes }] of files) {
      const text = bytes.toString();
      if (name.startsWith('vendor/')) continue;
      expect([name, text.match(/^\s*(?:\/\/|\/\*).*$/gm) ?? []]).toEqual([name, []]);
      if (/\.(?:js|css)$/.test(name) && !name.startsWith('words/')) {
        const written = textOf(`src/console/assets/${name}`).split('\n');
        const sent = text.split('\n');
        expect([name, sent.length]).toEqual([name, written.length]);
        expect(sent.filter((line, i) => line !== '' && line !== written[i])).toEqual([]);
      }
    }
    expect(files.get('vendor/uplot.js')!.bytes.toString()).toMatch(/^\/\*!/);
  });

  it('bring the words along that scripts say, and none that documents alone say', () => {
    const { files } = assets();
    const sent = (room: string) => files.get(`words/de/${room}.js`)!.bytes.toString();
    expect(sent('shell')).toContain('"severity.critical":"kritisch"');
    expect(sent('cardiac')).toContain('"cardiac.kind.heart_rate":"Herzfrequenz"');
    expect(sent('cardiac')).toContain('"cardiac.evidence.none":');
    expect(sent('shell')).not.toContain('"disclaimer"');
    expect(sent('cardiac')).not.toContain('"cardiac.filters"');
  });

  it(`are ${MOST} bytes at most, all of them with one language (0-148)`, async () => {
    const { files } = assets();
    const all = [...files].filter(([name]) => /\.(?:js|css)$/.test(name) && !name.startsWith('words/en/'));
    const sizes = await Promise.all(all.map(async ([, file]) => (await file.compressed('br')).length));
    const sum = sizes.reduce((one, other) => one + other, 0);
    expect([sum <= MOST, sum]).toEqual([true, sum]);
  });

  it.each(['none.js', '../look.ts', '..%2flook.ts', 'parts', '__proto__'])('are none besides: %s', async (name) => {
    const { hash } = assets();
    expect((await raw(`/console/assets/${hash}/${name}`, 'identity')).status).toBe(404);
  });

  it(`are ${MOST} bytes at most for a page, all that it loads together (0-148)`, async () => {
    const { files } = assets();
    const scripts = [...files.keys()].filter((name) => name.endsWith('.js') && !/^(?:parts|vendor|words)\//.test(name));
    // The frame with one language, and the chart; of each script what it imports besides.
    const frame = ['page.css', 'vendor/uplot.css', 'vendor/uplot.js', ...imported('page.js')];
    for (const script of scripts) {
      const room = script.split('/')[0]!;
      const own = [...files.keys()].filter((name) => name.startsWith(`${room}/`) && name.endsWith('.css'));
      const words = [...files.keys()].filter((name) => name.startsWith('words/de/'));
      const names = new Set([...frame, ...imported(script), ...own, ...words]);
      let sum = 0;
      for (const name of names) sum += (await files.get(name)!.compressed('br')).length;
      expect([script, sum <= MOST, sum]).toEqual([script, true, sum]);
    }
  });
});

describe('The style of the pages', () => {
  const css = () => [...assets().files].filter(([name]) => name.endsWith('.css') && !name.startsWith('vendor/'));

  it('knows no left and right, so that it can be read from either side', () => {
    const physical =
      /(?:margin|padding|border|inset)-(?:left|right|top|bottom)|(?:^|[\s;{])(?:left|right|top|bottom|width|height)\s*:|text-align:\s*(?:left|right)/g;
    for (const [name, { bytes }] of css()) {
      // In a question about the screen, width is a word of CSS itself.
      const text = bytes.toString().replace(/@media[^{]*/g, '');
      expect([name, text.match(physical) ?? []]).toEqual([name, []]);
    }
  });

  it('shows severities and words in colours that can be read, in light and in dark (0-109)', () => {
    const text = assets().files.get('page.css')!.bytes.toString();
    const themes = [/:root \{([^}]*)\}/, /data-theme="dark"\] \{([^}]*)\}/, /data-theme="auto"\] \{([^}]*)\}/].map(
      (block) =>
        Object.fromEntries(
          [...block.exec(text)![1]!.matchAll(/--([\w-]+): (#[0-9a-f]{3,6});/g)].map(([, name, colour]) => [
            name,
            colour!,
          ]),
        ),
    );
    const [light, dark, auto] = themes;
    expect(auto).toEqual(dark);
    for (const theme of [light!, dark!]) {
      const pairs = ['ink', 'soft', 'link', 'critical', 'warning', 'info', 'good'].flatMap((ink) =>
        ['paper', 'card', 'hover'].map((paper) => [ink, paper]),
      );
      const own = ['critical', 'warning', 'info'].map((ink) => [ink, `${ink}-paper`]);
      const poor = [...pairs, ...own, ['on-primary', 'primary']].filter(
        ([ink, paper]) => contrast(theme[ink!]!, theme[paper!]!) < 4.5,
      );
      expect(poor).toEqual([]);
      expect(contrast(theme['focus']!, theme['card']!)).toBeGreaterThanOrEqual(3);
      expect(contrast(theme['edge']!, theme['card']!)).toBeGreaterThanOrEqual(3);
    }
  });
});

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}
function luminance(colour: string): number {
  const whole = colour.length === 4 ? colour.replace(/[0-9a-f]/g, '$&$&') : colour;
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(whole.slice(at, at + 2), 16) / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
