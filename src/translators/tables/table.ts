/** What a table of the systems before is: its columns, and the search whose matches are its rows. docs/cardiac.md */
import type { Mapping } from '../../ingest/mapping.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../cardiac/asker.ts';
import type { ReadingKinds } from '../cardiac/kinds.ts';
import type { Rows } from '../cardiac/rows.ts';

export type ColumnType = 'text' | 'float' | 'integer' | 'datetime' | 'boolean';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** It may be left empty. */
  readonly nullable?: true;
}

export interface Setting {
  readonly canonical: string;
  readonly rows: Rows;
  readonly kinds: ReadingKinds;
  /** Of the device door. */
  readonly mapping: Pick<Mapping, 'spec'>;
  readonly search: Search;
  /** Names of patients, by reference. */
  readonly patientIds: (references: readonly string[]) => Promise<ReadonlyMap<string, string>>;
}

/** What came along with the matches, by its reference. */
export interface Sight {
  readonly all: ReadonlyMap<string, any>;
}

/** A row, by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>;

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** The column that `_sort` may name, newest first; there is no other order. */
  readonly sort: string;
  readonly type: string;
  /** Other types that a row is made of: who may not ask for one of them is refused. */
  readonly needs: readonly string[];
  /** What is searched for besides the filters; the newest first. */
  readonly where: (setting: Pick<Setting, 'canonical' | 'mapping'>) => Parameters;
  /** False where rows are not counted by matches. */
  readonly hasTotal: boolean;
  /**
   * Filters by column: the search parameters that a value means; undefined where nothing can match. Columns that are not here cannot be
   * asked for.
   */
  readonly filters: Readonly<
    Record<string, (value: string, setting: Setting) => Parameters | undefined | Promise<Parameters | undefined>>
  >;
  /** Which row a match belongs to, where several make one; they follow each other, or have the same time. */
  readonly group?: { readonly time: (match: any) => string; readonly row: (match: any) => string };
  /** A row for each list of matches, undefined where it makes none; those of a page at once. */
  readonly rowsOf: (
    groups: readonly (readonly any[])[],
    sight: Sight,
    setting: Setting,
  ) => Promise<readonly (Row | undefined)[]>;
}
