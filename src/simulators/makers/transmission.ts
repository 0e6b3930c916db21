/** A transmission as the makers really send it: an IHE PCD-09 IDCO message with its report as PDF. domain.md 2.6 */
import type { Cast } from './cast.ts';
import type { Dialect } from './dialect.ts';
import type { Reply } from './pages.ts';
import type { Row } from './timeline.ts';

export function tellTransmission(
  rows: readonly Row[],
  _dialect: Dialect,
  _cast: Cast,
  _format: string,
): Reply | undefined {
  return rows.length === 0 ? undefined : { status: 200, body: '', contentType: 'application/hl7-v2' };
}
