/** One change of a list, as the writer is told it: plain values, keys as text, entries as a block. */
import type { SearchQuery } from '../../search/query.ts';

/** Numbers that stand for what is not a number. */
export const ABSENT = -1;
export const ANY = -2;

export type Step =
  | {
      readonly op: 'write';
      readonly key: string;
      readonly method: number;
      readonly before: string;
      readonly after: string;
      readonly refs: string;
      readonly tokens: string;
      readonly entries: Uint8Array;
      readonly expect: number;
    }
  | { readonly op: 'expect-query'; readonly query: SearchQuery; readonly matches: readonly string[] }
  | { readonly op: 'expect-resource'; readonly key: string; readonly at: number }
  | { readonly op: 'expect-kept'; readonly kind: string; readonly key: string; readonly at: number }
  | {
      readonly op: 'put';
      readonly kind: string;
      readonly key: string;
      readonly value: string;
      readonly expect: number;
      /** Milliseconds from now, or ABSENT. */
      readonly expiresIn: number;
      readonly fence: string;
      readonly epoch: number;
    }
  | {
      readonly op: 'drop';
      readonly kind: string;
      readonly key: string;
      readonly expect: number;
      readonly fence: string;
      readonly epoch: number;
    }
  | { readonly op: 'append'; readonly columns: readonly (string | number)[] }
  | {
      readonly op: 'reindex';
      readonly key: string;
      readonly version: number;
      readonly refs: string;
      readonly tokens: string;
      readonly entries: Uint8Array;
    }
  | { readonly op: 'setting'; readonly name: string; readonly value: string }
  | {
      readonly op: 'restore-version';
      readonly key: string;
      readonly version: number;
      readonly updated: number;
      readonly method: number;
      readonly body: string;
      readonly refs: string;
      readonly tokens: string;
      /** Empty for all but a newest version. */
      readonly entries: Uint8Array;
    }
  | { readonly op: 'restore-row'; readonly sequence: number; readonly columns: readonly (string | number)[] }
  | {
      readonly op: 'restore-kept';
      readonly kind: string;
      readonly key: string;
      readonly value: string;
      /** Milliseconds since 1970, or ABSENT. */
      readonly expires: number;
    };

export const codes: readonly Step['op'][] = [
  'write',
  'expect-query',
  'expect-resource',
  'expect-kept',
  'put',
  'drop',
  'append',
  'reindex',
  'setting',
  'restore-version',
  'restore-row',
  'restore-kept',
];
export const codeOf = Object.fromEntries(codes.map((op, code) => [op, code])) as Record<Step['op'], number>;
