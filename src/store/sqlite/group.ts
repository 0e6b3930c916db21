/** The commits that wait together, as one flat message to the writer: numbers, strings and one block of bytes instead of thousands of objects. */
import { referenceTo } from '../../fhir/references.ts';
import type { SearchQuery } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { AuditRow, Change, Restored } from '../store.ts';
import { encodeBody } from './codec.ts';
import { encodeEntries } from './entries.ts';
import { methods } from './rows.ts';
import { ABSENT, ANY, codeOf, codes, type Step } from './step.ts';
import { tiesOf } from './ties.ts';
import { tokensOf } from './words.ts';

/** Besides the changes of the port, the engine writes its own settings. */
export type OwnChange = Change | { readonly op: 'setting'; readonly name: string; readonly value: string };

export interface GroupMessage {
  /** The store's clock when the group left, in ms. */
  readonly now: number;
  readonly numbers: Float64Array;
  readonly strings: readonly string[];
  readonly bytes: Uint8Array;
}

export interface Gathering {
  readonly numbers: number[];
  readonly strings: string[];
  readonly blocks: Uint8Array[];
  bytes: number;
}

export const emptyGathering = (): Gathering => ({ numbers: [], strings: [], blocks: [], bytes: 0 });

/** Appends the list of one caller. Throws, leaving the gathering as it was, when a value has no JSON form. */
export function gatherList(gathering: Gathering, changes: readonly OwnChange[], hashing: Hashing): void {
  const { numbers, strings, blocks, bytes } = gathering;
  const before = [numbers.length, strings.length, blocks.length] as const;
  try {
    numbers.push(changes.length);
    for (const change of changes) gatherChange(gathering, change, hashing);
  } catch (error) {
    [numbers.length, strings.length, blocks.length] = before;
    gathering.bytes = bytes;
    throw error;
  }
}

function gatherChange(gathering: Gathering, change: OwnChange, hashing: Hashing): void {
  const { numbers, strings } = gathering;
  switch (change.op) {
    case 'write': {
      const { key, method, text, index, expect } = change;
      const at = expect === 'absent' ? ABSENT : expect === 'any' ? ANY : expect.versionId;
      const gone = method === 'DELETE';
      if (gone !== (text === undefined)) throw new Error('a tombstone has no text, every other version has one');
      const tokens = gone ? '' : tokensOf(index.words, hashing);
      strings.push(referenceTo(key), text?.[0] ?? '', text?.[1] ?? '', gone ? '' : tiesOf(index), tokens);
      numbers.push(codeOf.write, methods.indexOf(method), at);
      gatherBlock(gathering, gone ? new Uint8Array() : encodeEntries(key.type, index, hashing, tokens));
      return;
    }
    case 'expect': {
      if ('query' in change) {
        numbers.push(codeOf['expect-query'], change.matches.length);
        strings.push(JSON.stringify(change.query, withInfinities), ...change.matches.map(referenceTo));
        return;
      }
      const at = change.at === 'absent' ? ABSENT : change.at;
      if ('kind' in change.of) strings.push(change.of.kind, change.of.key);
      else strings.push(referenceTo(change.of));
      numbers.push('kind' in change.of ? codeOf['expect-kept'] : codeOf['expect-resource'], at);
      return;
    }
    case 'put': {
      const { kind, key, value, expect, expiresIn, fence } = change;
      const text = JSON.stringify(value);
      if (text === undefined) throw new Error('a kept value must be JSON');
      strings.push(kind, key, text, fence?.key ?? '');
      numbers.push(codeOf.put, expect === undefined ? ANY : expect === 'absent' ? ABSENT : expect);
      numbers.push(expiresIn === undefined ? ABSENT : expiresIn * 1_000, fence?.epoch ?? ABSENT);
      return;
    }
    case 'drop':
      strings.push(change.kind, change.key, change.fence?.key ?? '');
      numbers.push(codeOf.drop, change.expect ?? ANY, change.fence?.epoch ?? ABSENT);
      return;
    case 'append': {
      numbers.push(codeOf.append);
      gatherRow(gathering, change.row);
      return;
    }
    case 'reindex': {
      const tokens = tokensOf(change.index.words, hashing);
      numbers.push(codeOf.reindex, change.versionId);
      strings.push(referenceTo(change.key), tiesOf(change.index), tokens);
      gatherBlock(gathering, encodeEntries(change.key.type, change.index, hashing, tokens));
      return;
    }
    case 'setting':
      numbers.push(codeOf.setting);
      strings.push(change.name, change.value);
      return;
    case 'restore':
      gatherRestored(gathering, change, hashing);
  }
}

function gatherRow({ numbers, strings }: Gathering, row: AuditRow): void {
  const { at, who, key, interaction, action, target, patients, status, requestId, address, query, reason } = row;
  numbers.push(at, status);
  strings.push(who, key, interaction, action, target, patients, requestId, address, query, reason);
}

function gatherRestored(gathering: Gathering, restored: Restored, hashing: Hashing): void {
  const { numbers, strings } = gathering;
  if ('row' in restored) {
    numbers.push(codeOf['restore-row'], restored.row.sequence);
    gatherRow(gathering, restored.row);
  } else if ('kept' in restored) {
    const { kind, key, value, expires = ABSENT } = restored.kept;
    numbers.push(codeOf['restore-kept'], expires);
    strings.push(kind, key, JSON.stringify(value));
  } else {
    const { version, index } = restored;
    const { key, versionId, lastUpdated, method, text } = version;
    const tokens = index ? tokensOf(index.words, hashing) : '';
    numbers.push(codeOf['restore-version'], versionId, lastUpdated, methods.indexOf(method));
    strings.push(referenceTo(key), encodeBody(text), index ? tiesOf(index) : '', tokens);
    gatherBlock(gathering, index ? encodeEntries(key.type, index, hashing, tokens) : new Uint8Array());
  }
}

/** JSON has no infinities, and bounds may be. */
const withInfinities = (_name: string, value: unknown): unknown =>
  value === Infinity || value === -Infinity ? { infinite: Math.sign(value) } : value;
const backToInfinities = (_name: string, value: any): unknown =>
  typeof value?.infinite === 'number' ? value.infinite * Infinity : value;

function gatherBlock(gathering: Gathering, block: Uint8Array): void {
  gathering.numbers.push(block.length);
  gathering.blocks.push(block);
  gathering.bytes += block.length;
}

/** The message of everything gathered. */
export function sealGroup(gathering: Gathering, now: number): GroupMessage {
  const bytes = new Uint8Array(gathering.bytes);
  let at = 0;
  for (const block of gathering.blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return { now, numbers: Float64Array.from(gathering.numbers), strings: gathering.strings, bytes };
}

/** The lists of a message, as steps. */
export function openGroup({ numbers, strings, bytes }: GroupMessage): Step[][] {
  let n = 0;
  let s = 0;
  let b = 0;
  const number = () => numbers[n++]!;
  const string = () => strings[s++]!;
  const block = () => {
    const length = number();
    b += length;
    return bytes.subarray(b - length, b);
  };
  const row = () => {
    const [at, status] = [number(), number()];
    const whose = [string(), string()];
    const what = [string(), string(), string(), string()];
    return [at, ...whose, ...what, status, string(), string(), string(), string()];
  };
  const step = (): Step => {
    const op = codes[number()]!;
    switch (op) {
      case 'write': {
        const method = number();
        const expect = number();
        return {
          op,
          method,
          expect,
          key: string(),
          before: string(),
          after: string(),
          refs: string(),
          tokens: string(),
          entries: block(),
        };
      }
      case 'expect-query': {
        const count = number();
        const query = JSON.parse(string(), backToInfinities) as SearchQuery;
        return { op, query, matches: Array.from({ length: count }, string) };
      }
      case 'expect-resource':
        return { op, key: string(), at: number() };
      case 'expect-kept':
        return { op, kind: string(), key: string(), at: number() };
      case 'put': {
        const [expect, expiresIn, epoch] = [number(), number(), number()];
        return { op, kind: string(), key: string(), value: string(), fence: string(), expect, expiresIn, epoch };
      }
      case 'drop': {
        const [expect, epoch] = [number(), number()];
        return { op, kind: string(), key: string(), fence: string(), expect, epoch };
      }
      case 'append':
        return { op, columns: row() };
      case 'reindex':
        return { op, version: number(), key: string(), refs: string(), tokens: string(), entries: block() };
      case 'setting':
        return { op, name: string(), value: string() };
      case 'restore-version': {
        const [version, updated, method] = [number(), number(), number()];
        const [key, body, refs, tokens] = [string(), string(), string(), string()];
        return { op, key, version, updated, method, body, refs, tokens, entries: block() };
      }
      case 'restore-row':
        return { op, sequence: number(), columns: row() };
      case 'restore-kept':
        return { op, expires: number(), kind: string(), key: string(), value: string() };
    }
  };
  const lists: Step[][] = [];
  while (n < numbers.length) {
    const length = number();
    lists.push(Array.from({ length }, step));
  }
  return lists;
}
