/** The tests that `npm test` runs: everything but the long ones (jest.long.config.mjs). */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  moduleFileExtensions: ['ts', 'mjs', 'js', 'json', 'node'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '\\.long\\.test\\.ts$'],
  globalSetup: '<rootDir>/test/support/run-setup.mjs',
  globalTeardown: '<rootDir>/test/support/run-teardown.mjs',
  maxWorkers: 2,
  // It ends what hangs; how long something may take says its own test.
  testTimeout: 60_000,
  workerIdleMemoryLimit: '1GB',
};
