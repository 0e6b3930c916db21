/** Issue 9: the soak of test/alerts/soak.long.test.ts on two servers that share a MongoDB, and of which one after the other is killed. docs/alerts.md */
import { killsFor, readingsOr, soakTests } from '../alerts/soak/suite.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { testStore } from '../support/test-store.ts';

/** A hundred thousand are the whole. */
const readings = readingsOr(8_000);

describeOnMongod(`${readings} readings to two servers that are killed ${killsFor(readings)} times`, () =>
  soakTests(readings, 2, async () => {
    const { store, mongodbAcceptRelease, drop } = await testStore('mongodb');
    return {
      settings: {
        WATCHFIRE_STORE: store,
        ...(mongodbAcceptRelease && { WATCHFIRE_MONGODB_ACCEPT_RELEASE: mongodbAcceptRelease }),
        WATCHFIRE_ADMIN_TOKEN: 'administrator-of-two-servers-000000',
      },
      drop,
    };
  }),
);
