/** Issue 9: many readings of many devices, out of order, repeated, some broken, while the server is killed: each critical one has one alert and is told of, and nothing is invented. docs/alerts.md */
import { describe } from '@jest/globals';
import { killsFor, readingsOr, soakTests } from './soak/suite.ts';

/** A million take ten minutes. */
const readings = readingsOr(20_000);

describe(`${readings} readings to a server that is killed ${killsFor(readings)} times`, () =>
  soakTests(readings, 1, async () => ({ settings: {}, drop: async () => undefined })));
