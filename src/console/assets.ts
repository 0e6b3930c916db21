/** Files that pages load: ours and what is vendored, below one hash of them all, compressed once and kept for ever. https://www.rfc-editor.org/rfc/rfc8246 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type RequestHandler, Router } from 'express';
import { localeNames, rooms, wordsOf } from './words/words.ts';

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** A year, as nothing below this hash ever changes. */
const FOR_EVER = 'public, max-age=31536000, immutable';

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  /** By the name of the coding; made when first asked for. */
  compressed(coding: 'br' | 'gzip'): Promise<Buffer>;
}

/** What of packages is served under which name. The chart comes as one function; a last line makes a module of it. */
const vendored: readonly (readonly [name: string, file: string, more: string])[] = [
  ['vendor/uplot.js', 'uplot/dist/uPlot.iife.min.js', '\nexport default uPlot;\n'],
  ['vendor/uplot.css', 'uplot/dist/uPlot.min.css', ''],
];

/** Of our own files: comments that stand on lines of their own stay here, and lines keep their numbers. */
const COMMENT = /^[ \t]*(?:\/\/.*|\/\*(?:(?!\*\/)[\s\S])*\*\/[ \t]*)$/gm;
const sent = (name: string, bytes: Buffer): Buffer =>
  ['js', 'css'].includes(ending(name))
    ? Buffer.from(bytes.toString().replace(COMMENT, (comment) => '\n'.repeat(comment.split('\n').length - 1)))
    : bytes;

/** Whether scripts may say a key: it stands in one, or begins as one of their templates does. What documents alone say stays here. */
function saidBy(scripts: readonly string[]): (key: string) => boolean {
  const found = (pattern: RegExp) => scripts.flatMap((text) => [...text.matchAll(pattern)].map(([, key]) => key!));
  const whole = new Set(found(/'([a-z][\w.-]*)'/g));
  const beginnings = found(/`([a-z][\w.-]*\.)\$\{/g);
  return (key) => whole.has(key) || beginnings.some((beginning) => key.startsWith(beginning));
}

function collected(): ReadonlyMap<string, Buffer> {
  const folder = fileURLToPath(new URL('./assets/', import.meta.url));
  const require = createRequire(import.meta.url);
  const own = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [relative(folder, path).split(sep).join('/'), readFileSync(path)] as const)
    .map(([name, bytes]) => [name, sent(name, bytes)] as const);
  const foreign = vendored.map(([name, file, more]) => {
    const text = readFileSync(require.resolve(file), 'utf8');
    return [name, Buffer.from(text + more)] as const;
  });
  const isSaid = saidBy(own.filter(([name]) => name.endsWith('.js')).map(([, bytes]) => bytes.toString()));
  const words = localeNames.flatMap((locale) =>
    rooms.map((room) => {
      const said = Object.entries(wordsOf(locale, room)).filter(([key]) => isSaid(key));
      const text = `export default ${JSON.stringify(Object.fromEntries(said))};\n`;
      return [`words/${locale}/${room}.js`, Buffer.from(text)] as const;
    }),
  );
  return new Map([...own, ...foreign, ...words].filter(([name]) => Object.hasOwn(types, ending(name))).sort());
}

const ending = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

const squeeze = {
  br: (bytes: Buffer) =>
    // The last steps would take ten times as long for a few bytes in a hundred.
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (bytes: Buffer) => promisify(gzip)(bytes, { level: 9 }),
};

function assetOf(name: string, bytes: Buffer): Asset {
  const made = new Map<string, Promise<Buffer>>();
  return {
    type: types[ending(name)]!,
    bytes,
    compressed(coding) {
      const known = made.get(coding) ?? squeeze[coding](bytes);
      made.set(coding, known);
      return known;
    },
  };
}

/** Read and hashed when the first page is made: a server that shows none pays nothing. */
let kept: { readonly hash: string; readonly files: ReadonlyMap<string, Asset> } | undefined;

/** All files by their names below the hash. */
export function assets() {
  if (kept) return kept;
  const files = collected();
  const hash = createHash('sha256');
  for (const [name, bytes] of files) hash.update(`${name} ${bytes.length}\n`).update(bytes);
  kept = {
    hash: hash.digest('base64url').slice(0, 16),
    files: new Map([...files].map(([name, bytes]) => [name, assetOf(name, bytes)])),
  };
  return kept;
}

/** Address of a file; throws for one that there is none of. Modules find each other by relative addresses, as the hash is a folder. */
export function assetPath(name: string): string {
  const { hash, files } = assets();
  if (!files.has(name)) throw new Error(`the console has no asset ${name}`);
  return `/console/assets/${hash}/${name}`;
}

/** `GET /console/assets/<hash>/<name>`, mounted at `/console/assets`. A former hash is answered with the files of today, not to be kept. */
export function assetsRouter(): RequestHandler {
  const router = Router();
  router.get('/:hash/*name', async (request, response, next) => {
    const { hash, files } = assets();
    const asset = files.get([request.params.name].flat().join('/'));
    if (!asset) return next();
    response.set({
      'Cache-Control': request.params.hash === hash ? FOR_EVER : 'no-cache',
      'X-Content-Type-Options': 'nosniff',
      'Cross-Origin-Resource-Policy': 'same-origin',
      Vary: 'Accept-Encoding',
    });
    response.type(asset.type);
    const coding = request.acceptsEncodings('br', 'gzip', 'identity');
    if (coding !== 'br' && coding !== 'gzip') return void response.send(asset.bytes);
    response.set('Content-Encoding', coding).send(await asset.compressed(coding));
  });
  return router;
}
