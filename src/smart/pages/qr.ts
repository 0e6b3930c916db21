/** A QR code as SVG: byte mode, correction level M, up to version 10, which holds 213 bytes. ISO/IEC 18004:2015 */
import { type Html, html } from './html.ts';

/** Of each version: correction codewords a block, then how many blocks of how many data codewords (table 9, level M). */
const versions: readonly (readonly [number, readonly (readonly [number, number])[]])[] = [
  [10, [[1, 16]]],
  [16, [[1, 28]]],
  [26, [[1, 44]]],
  [18, [[2, 32]]],
  [24, [[2, 43]]],
  [16, [[4, 27]]],
  [18, [[4, 31]]],
  [
    22,
    [
      [2, 38],
      [2, 39],
    ],
  ],
  [
    22,
    [
      [3, 36],
      [2, 37],
    ],
  ],
  [
    26,
    [
      [4, 43],
      [1, 44],
    ],
  ],
];
/** Centres of the alignment patterns (annex E). */
const alignments: readonly (readonly number[])[] = [
  [],
  [6, 18],
  [6, 22],
  [6, 26],
  [6, 30],
  [6, 34],
  [6, 22, 38],
  [6, 24, 42],
  [6, 26, 46],
  [6, 28, 50],
];

// The field of 256 elements over x^8 + x^4 + x^3 + x^2 + 1, as powers and logarithms of 2.
const powers = new Uint8Array(512);
const logarithms = new Uint8Array(256);
for (let i = 0, value = 1; i < 255; i++) {
  powers[i] = powers[i + 255] = value;
  logarithms[value] = i;
  value = value & 0x80 ? (value << 1) ^ 0x11d : value << 1;
}
const times = (a: number, b: number) => (a === 0 || b === 0 ? 0 : powers[logarithms[a]! + logarithms[b]!]!);

/** The remainder of Reed and Solomon. */
function correction(data: readonly number[], length: number): number[] {
  let generator = [1];
  for (let i = 0; i < length; i++) {
    const next = [...generator, 0];
    for (const [j, factor] of generator.entries()) next[j + 1]! ^= times(factor, powers[i]!);
    generator = next;
  }
  const rest = [...data, ...new Array<number>(length).fill(0)];
  for (let i = 0; i < data.length; i++) {
    const factor = rest[i]!;
    for (let j = 1; j <= length; j++) rest[i + j]! ^= times(generator[j]!, factor);
  }
  return rest.slice(data.length);
}

/** All codewords in the order in which they are drawn; blocks are dealt out like cards. */
function codewords(bytes: Uint8Array, version: number): number[] {
  const [length, groups] = versions[version - 1]!;
  const sizes = groups.flatMap(([count, size]) => new Array<number>(count).fill(size));
  const capacity = sizes.reduce((sum, size) => sum + size, 0);
  let bits = `0100${bytes.length.toString(2).padStart(version < 10 ? 8 : 16, '0')}`;
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  bits += '0000'.slice(0, capacity * 8 - bits.length);
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  const data = bits.match(/.{8}/g)!.map((octet) => Number.parseInt(octet, 2));
  for (let pad = 0xec; data.length < capacity; pad ^= 0xfd) data.push(pad);
  let from = 0;
  const blocks = sizes.map((size) => data.slice(from, (from += size)));
  const dealt = (hands: readonly (readonly number[])[]) =>
    Array.from({ length: Math.max(...hands.map((hand) => hand.length)) }, (_, i) =>
      hands.flatMap((hand) => hand[i] ?? []),
    ).flat();
  return [...dealt(blocks), ...dealt(blocks.map((block) => correction(block, length)))];
}

/** The remainder of a cyclic code, behind what it protects. */
function protectedBits(value: number, width: number, generator: number): number {
  let rest = value << width;
  const top = 31 - Math.clz32(generator);
  for (let bit = 31 - Math.clz32(rest); bit >= top && rest !== 0; bit = 31 - Math.clz32(rest))
    rest ^= generator << (bit - top);
  return (value << width) | rest;
}

const masks: readonly ((row: number, column: number) => boolean)[] = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (_, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0,
  (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];

type Grid = (boolean | undefined)[][];

/** What is the same in every code of the version; undefined where data goes. */
function patterns(version: number): Grid {
  const size = 17 + 4 * version;
  const grid: Grid = Array.from({ length: size }, () => new Array<boolean | undefined>(size).fill(undefined));
  const square = (row: number, column: number, reach: number, isDark: (distance: number) => boolean) => {
    for (let r = -reach; r <= reach; r++)
      for (let c = -reach; c <= reach; c++)
        if (grid[row + r]?.length && column + c >= 0 && column + c < size)
          grid[row + r]![column + c] = isDark(Math.max(Math.abs(r), Math.abs(c)));
  };
  for (const [row, column] of [
    [3, 3],
    [3, size - 4],
    [size - 4, 3],
  ] as const)
    square(row, column, 4, (d) => d !== 2 && d !== 4);
  for (let i = 8; i < size - 8; i++) grid[6]![i] = grid[i]![6] = i % 2 === 0;
  const centres = alignments[version - 1]!;
  const last = centres.at(-1);
  for (const row of centres)
    for (const column of centres)
      if (!((row === 6 && (column === 6 || column === last)) || (row === last && column === 6)))
        square(row, column, 2, (d) => d !== 1);
  if (version >= 7) {
    const bits = protectedBits(version, 12, 0x1f25);
    for (let i = 0; i < 18; i++)
      grid[Math.floor(i / 3)]![size - 11 + (i % 3)] = grid[size - 11 + (i % 3)]![Math.floor(i / 3)] =
        ((bits >> i) & 1) === 1;
  }
  return grid;
}

/** Level M is 00; the mask is the other three bits. */
function drawFormat(grid: Grid, mask: number): void {
  const size = grid.length;
  const bits = protectedBits(mask, 10, 0x537) ^ 0x5412;
  const isDark = (i: number) => ((bits >> i) & 1) === 1;
  for (let i = 0; i < 15; i++) {
    const along = i < 6 ? i : i < 8 ? i + 1 : size - 15 + i;
    grid[along]![8] = isDark(i);
    const across = i < 8 ? size - 1 - i : i === 8 ? 7 : 14 - i;
    grid[8]![across] = isDark(i);
  }
  grid[size - 8]![8] = true;
}

/** Two columns at a time from the right, up and down in turn, past the column of the timing pattern. */
function* places(size: number): Generator<readonly [number, number]> {
  let isUpward = true;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i++) for (const column of [right, right - 1]) yield [isUpward ? size - 1 - i : i, column];
    isUpward = !isUpward;
  }
}

const count = (text: string, pattern: RegExp) => (text.match(pattern) ?? []).length;

/** How hard a code is to read (section 7.8.3). */
function penalty(grid: Grid): number {
  const rows = grid.map((row) => row.map((isDark) => (isDark ? '1' : '0')).join(''));
  const columns = rows.map((_, i) => rows.map((row) => row[i]).join(''));
  let sum = 0;
  for (const line of [...rows, ...columns]) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) sum += run.length - 2;
    sum += 40 * (count(line, /10111010000/g) + count(line, /00001011101/g));
  }
  for (let r = 1; r < rows.length; r++)
    for (let c = 1; c < rows.length; c++)
      if (new Set([rows[r]![c], rows[r]![c - 1], rows[r - 1]![c], rows[r - 1]![c - 1]]).size === 1) sum += 3;
  const share = (count(rows.join(''), /1/g) * 100) / rows.length ** 2;
  return sum + 10 * Math.floor(Math.abs(share - 50) / 5);
}

/** Rows of modules, true where dark; undefined where the text is longer than version 10 holds. */
export function qrCode(text: string): readonly (readonly boolean[])[] | undefined {
  const bytes = new TextEncoder().encode(text);
  const version =
    1 +
    versions.findIndex(
      ([, groups], i) =>
        groups.reduce((sum, [blocks, size]) => sum + blocks * size, 0) >= bytes.length + (i < 9 ? 2 : 3),
    );
  if (version === 0) return undefined;
  const fixed = patterns(version);
  const words = codewords(bytes, version);
  const candidates = masks.map((isTurned, mask) => {
    const grid = fixed.map((row) => [...row]);
    drawFormat(grid, mask);
    let bit = 0;
    for (const [row, column] of places(grid.length)) {
      if (grid[row]![column] !== undefined) continue;
      const isDark = ((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
      grid[row]![column] = (isDark === 1) !== isTurned(row, column);
      bit++;
    }
    return grid as boolean[][];
  });
  const penalties = candidates.map(penalty);
  return candidates[penalties.indexOf(Math.min(...penalties))];
}

/** Dark on white whatever the page's colours are, with the quiet zone of four modules. */
export function qrSvg(text: string, label: string): Html {
  const code = qrCode(text);
  if (!code) return html``;
  const size = code.length + 8;
  const path = code
    .flatMap((row, r) => row.flatMap((isDark, c) => (isDark ? [`M${c + 4} ${r + 4}h1v1h-1z`] : [])))
    .join('');
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" width="232" height="232" role="img" aria-label="${label}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path fill="#000" d="${path}"/></svg>`;
}
