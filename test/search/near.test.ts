/** Places: distances, cells and `near`. https://hl7.org/fhir/R4/location.html#positional */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Problem } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/references.ts';
import { criterionOf } from '../../src/search/criterion.ts';
import { extract } from '../../src/search/extract.ts';
import { matches } from '../../src/search/match.ts';
import { cellsAround, cellsAt, kilometresBetween, mostCells } from '../../src/search/near.ts';
import type { Near } from '../../src/search/query.ts';

const near = (value: string) => criterionOf('Location', 'near', value, {})!;
const at = (latitude: number, longitude: number): Resource => ({
  resourceType: 'Location',
  position: { latitude, longitude },
});
const finds = (location: Resource, value: string): boolean =>
  matches(near(value), extract(location), { type: 'Location', id: '1' });

describe('cells', () => {
  const latitude = fc.oneof(
    fc.double({ min: -90, max: 90, noNaN: true }),
    fc.constantFrom(-90, 90, 0, 89.999, -89.999, 45, 60),
  );
  const longitude = fc.oneof(
    fc.double({ min: -180, max: 180, noNaN: true }),
    fc.constantFrom(-180, 180, 0, 179.9999, -179.9999, 90),
  );
  const kilometres = fc.oneof(
    fc.double({ min: 0, max: 21_000, noNaN: true }),
    fc.double({ min: 0, max: 50, noNaN: true }),
    fc.constantFrom(0, 0.001, 1, 20, 100, 10_007.5, 20_015),
  );
  const angle = fc.double({ min: 0, max: 2 * Math.PI, noNaN: true });
  const part = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(1));

  /** The place that lies so far from another in one direction. */
  function walked(from: readonly [number, number], far: number, bearing: number): readonly [number, number] {
    const [lat, lon] = from.map((degrees) => (degrees * Math.PI) / 180) as [number, number];
    const distance = far / 6_371.0088;
    const there = Math.asin(
      Math.max(
        -1,
        Math.min(1, Math.sin(lat) * Math.cos(distance) + Math.cos(lat) * Math.sin(distance) * Math.cos(bearing)),
      ),
    );
    const east =
      lon +
      Math.atan2(
        Math.sin(bearing) * Math.sin(distance) * Math.cos(lat),
        Math.cos(distance) - Math.sin(lat) * Math.sin(there),
      );
    const degrees = (east * 180) / Math.PI;
    return [(there * 180) / Math.PI, ((((degrees + 180) % 360) + 360) % 360) - 180];
  }

  it('cover the whole circle, at the poles and across the date line too, and are few', () => {
    fc.assert(
      fc.property(latitude, longitude, kilometres, angle, part, (lat, lon, far, bearing, share) => {
        const cells = cellsAround(lat, lon, far);
        expect(cells.length).toBeGreaterThan(0);
        expect(cells.length).toBeLessThanOrEqual(mostCells);
        expect(new Set(cells).size).toBe(cells.length);
        const there = walked([lat, lon], far * share, bearing);
        if (kilometresBetween([lat, lon], there) > far) return;
        expect(cellsAt(...there).some((cell) => cells.includes(cell))).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  it('are not much larger than the circle', () => {
    // The mean of all directions: a place 6 times as far away as the circle reaches is in none of its cells.
    fc.assert(
      fc.property(
        fc.double({ min: -80, max: 80, noNaN: true }),
        longitude,
        fc.double({ min: 2, max: 1000, noNaN: true }),
        angle,
        (lat, lon, far, bearing) => {
          const cells = cellsAround(lat, lon, far);
          const there = walked([lat, lon], far * 6, bearing);
          expect(cellsAt(...there).some((cell) => cells.includes(cell))).toBe(false);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('are none where there is no place', () => {
    expect(cellsAt(91, 0)).toEqual([]);
    expect(cellsAt(0, 181)).toEqual([]);
    expect(extract(at(91, 0)).ranges).toEqual([]);
    expect(extract({ resourceType: 'Location', position: { latitude: '1', longitude: 1 } }).ranges).toEqual([]);
  });
});

describe('near', () => {
  // Berlin Cathedral; Potsdam lies 27 km away, Paris 878 km.
  const cathedral = '52.5192|13.4011';

  it.each([
    [at(52.5192, 13.4011), `${cathedral}|0`, true],
    [at(52.4, 13.06), `${cathedral}|27|km`, true],
    [at(52.4, 13.06), `${cathedral}|26|km`, false],
    [at(52.4, 13.06), `${cathedral}|27`, true],
    [at(52.4, 13.06), `${cathedral}|26600|m`, false],
    [at(52.4, 13.06), `${cathedral}|27000|m`, true],
    [at(52.4, 13.06), `${cathedral}|17|[mi_us]`, true],
    [at(52.4, 13.06), `${cathedral}|17|mi_us`, true],
    [at(52.4, 13.06), `${cathedral}|16|mi_i`, false],
    [at(52.4, 13.06), cathedral, false],
    [at(52.51, 13.6), cathedral, true],
    [at(48.8566, 2.3522), `${cathedral}|900|km`, true],
    [at(48.8566, 2.3522), `${cathedral}|850|km`, false],
    [at(-17.8, 179.99), '-17.8|-179.99|5', true],
    [at(-17.8, 180), '-17.8|-180|0.001', true],
    [at(89.99, 10), '89.99|-170|3', true],
    [at(89.99, 10), '89.99|-170|2', false],
    [at(48.8566, 2.3522), `${cathedral}|1|km,48.8|2.35|20|km`, true],
    [{ resourceType: 'Location' } as Resource, cathedral, false],
  ])('%j near %s: %s', (location, value, expected) => {
    expect(finds(location, value)).toBe(expected);
  });

  it('goes out from 16 cells at most', () => {
    expect((near(`${cathedral}|100`) as Near).cells.length).toBeLessThanOrEqual(16);
  });

  it('is there or missing', () => {
    const missing = criterionOf('Location', 'near:missing', 'true', {})!;
    const key = { type: 'Location', id: '1' };
    expect(matches(missing, extract({ resourceType: 'Location' }), key)).toBe(true);
    expect(matches(missing, extract(at(1, 2)), key)).toBe(false);
  });

  it.each([
    '52',
    '52|',
    '91|0',
    '0|181',
    'x|y',
    '52|13|-1',
    '52|13|far',
    '52|13|5|kg',
    '52|13|5|parsnip',
    '52|13|5|km|x',
    '52|13,',
  ])('%s is refused', (value) => {
    let refusal: unknown;
    try {
      near(value);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal).toMatchObject({ status: 400, code: 'value' });
  });
});
