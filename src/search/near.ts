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
