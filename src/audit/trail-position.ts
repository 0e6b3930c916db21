/** Where a page of the trail begins, as page tokens carry it. https://hl7.org/fhir/R4/http.html#paging */
import { notOfThis } from '../search/page-token.ts';
import type { Cursor } from '../store/store.ts';

/** Where a page begins among the stored resources. */
export interface Place {
  /** Undefined for the first. */
  readonly from: Cursor | undefined;
  /** What was after `from` is behind as well: nothing comes any more. */
  readonly ended: boolean;
}

/** Where a page begins: in the rows before a number, and among the stored resources. */
export interface Position {
  /** Undefined for the newest. */
  readonly before: number | 'end' | undefined;
  readonly after: Place;
  /** Rows from this number on came while somebody paged, such as those of the paging itself: they are on no page. Undefined: none yet. */
  readonly top: number | undefined;
}

const first: Place = { from: undefined, ended: false };
export const start: Position = { before: undefined, after: first, top: undefined };
/** For whom the server's own rows are not there. */
export const withoutRows: Position = { before: 'end', after: first, top: 0 };

/** Whether the page begins at a position or ends before it. */
export type Way = 'on' | 'back';

/** A position as one flat list, with the way. */
export const cursorOf = ({ before, after, top }: Position, way: Way): Cursor => [
  way,
  before ?? null,
  top ?? null,
  after.ended ? 'end' : null,
  ...(after.from ?? []),
];

/** The position and the way that `cursorOf` made a list of; refuses any other list with 400. */
export function positionOf([way, before, top, end, ...from]: Cursor): { way: Way; position: Position } {
  if (way !== 'on' && way !== 'back') throw notOfThis();
  return {
    way,
    position: {
      before: before === 'end' ? before : ((before as number | null) ?? undefined),
      top: (top as number | null) ?? undefined,
      after: { from: from.length > 0 ? from : undefined, ended: end === 'end' },
    },
  };
}
