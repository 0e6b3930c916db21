/** `describe` for tests that need a real MongoDB. A missing server is a failure in CI, elsewhere a skip that says how to get one. */
import { describe, it } from '@jest/globals';
import { findMongod } from './mongod-binary.ts';

const missing = await findMongod().then(
  () => undefined,
  (error: Error) => error.message,
);

export const describeOnMongod = (name: string, tests: () => void): void => {
  if (missing === undefined) {
    describe(name, tests);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      it('finds a mongod', () => {
        throw new Error(missing);
      });
    });
  } else {
    process.stderr.write(`skipped: ${name}: ${missing}\n`);
    describe.skip(name, tests);
  }
};
