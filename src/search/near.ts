/** Places on the globe: how far apart, and the names that a resource's own place stands under. https://hl7.org/fhir/R4/location.html#positional */
import type { Near } from './query.ts';

export const latitudeOf = (name: string): string => `${name}:latitude`;
export const longitudeOf = (name: string): string => `${name}:longitude`;

/** Mean radius of the earth in kilometres. */
const RADIUS = 6_371.0088;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Kilometres along the great circle between two places in degrees. */
export function kilometresBetween(
  [latitude, longitude]: readonly [number, number],
  [otherLatitude, otherLongitude]: readonly [number, number],
): number {
  const halfway = Math.sin(radians(otherLatitude - latitude) / 2) ** 2;
  const around = Math.sin(radians(otherLongitude - longitude) / 2) ** 2;
  const chord = halfway + Math.cos(radians(latitude)) * Math.cos(radians(otherLatitude)) * around;
  return 2 * RADIUS * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** Whether a place lies in the circle. */
export const isNear = (circle: Near, latitude: number, longitude: number): boolean =>
  kilometresBetween([circle.latitude, circle.longitude], [latitude, longitude]) <= circle.kilometres;

/**
 * Cells: at each level the globe is cut into rows of equal height, from pole to pole in one row down to about 1.2 km, and each
 * row into columns about as wide as it is high. A row counts its columns by its edge that is nearer to the equator, so that
 * towards the poles there are fewer and none is thin.
 */
const FINEST = 14;
const rowsAt = (level: number): number => 2 ** level;
const heightAt = (level: number): number => 180 / rowsAt(level);

function columnsOf(level: number, row: number): number {
  const height = heightAt(level);
  const south = row * height - 90;
  const north = south + height;
  const nearest = south <= 0 && north >= 0 ? 0 : Math.min(Math.abs(south), Math.abs(north));
  return Math.max(1, Math.ceil((360 / height) * Math.cos(radians(nearest))));
}

const rowOf = (level: number, latitude: number): number =>
  Math.max(0, Math.min(rowsAt(level) - 1, Math.floor((latitude + 90) / heightAt(level))));

/** Degrees east of the date line, from 0 up to 360. */
const east = (longitude: number): number => (((longitude + 180) % 360) + 360) % 360;

const columnOf = (columns: number, degrees: number): number =>
  Math.min(columns - 1, Math.floor((degrees / 360) * columns));

const nameOf = (level: number, row: number, column: number): string => `${level}.${row}.${column}`;

/** The cell of every level that a place lies in; none where it is no place. */
export function cellsAt(latitude: number, longitude: number): readonly string[] {
  if (!isPlace(latitude, longitude)) return [];
  return Array.from({ length: FINEST + 1 }, (_, level) => {
    const row = rowOf(level, latitude);
    return nameOf(level, row, columnOf(columnsOf(level, row), east(longitude)));
  });
}

export const isPlace = (latitude: unknown, longitude: unknown): boolean =>
  typeof latitude === 'number' &&
  typeof longitude === 'number' &&
  Math.abs(latitude) <= 90 &&
  Math.abs(longitude) <= 180;

/** More cells than this are not looked into: larger ones are taken. */
export const mostCells = 16;

/** The cells, of the finest level where they are few, that together cover the circle. */
export function cellsAround(latitude: number, longitude: number, kilometres: number): readonly string[] {
  for (let level = FINEST; level > 0; level--) {
    const cells = covering(level, latitude, longitude, kilometres);
    if (cells) return cells;
  }
  return Array.from({ length: columnsOf(0, 0) }, (_, column) => nameOf(0, 0, column));
}

function covering(level: number, latitude: number, longitude: number, kilometres: number): string[] | undefined {
  // A little more than the circle, for the last digits.
  const angle = (kilometres / RADIUS) * (1 + 1e-9) + 1e-12;
  const reach = (angle * 180) / Math.PI;
  const [south, north] = [latitude - reach, latitude + reach];
  const [first, last] = [rowOf(level, south), rowOf(level, north)];
  if (last - first >= mostCells) return undefined;
  const aside = south <= -90 || north >= 90 ? 180 : asideOf(angle, latitude);
  const cells: string[] = [];
  for (let row = first; row <= last; row++) {
    const columns = columnsOf(level, row);
    const width = 360 / columns;
    const from = columnOf(columns, east(longitude - aside));
    const around = aside * 2 + width >= 360;
    const count = around ? columns : ((columnOf(columns, east(longitude + aside)) - from + columns) % columns) + 1;
    if (cells.length + count > mostCells) return undefined;
    for (let i = 0; i < count; i++) cells.push(nameOf(level, row, (from + i) % columns));
  }
  return cells;
}

/** How many degrees of longitude a circle that holds no pole reaches to either side. */
const asideOf = (angle: number, latitude: number): number =>
  (Math.asin(Math.min(1, Math.sin(angle) / Math.cos(radians(latitude)))) * 180) / Math.PI + 1e-9;
