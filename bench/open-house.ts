/** The house with an Access that permits everything to the bearer of one token: the other side of access.ts. No setting of the server does this. */
import { readConfig } from '../src/config.ts';
import type { Caller } from '../src/interactions/interaction.ts';
import { startHouse } from '../src/server.ts';
import { fullAccess } from '../src/smart/access.ts';

const token = process.argv[2];
if (!token) throw new Error('the token that opens everything is missing');

/** As the administrator came before there were tokens of ours: nothing is looked up, nothing is asked. */
const bearer: Caller = { who: 'Client/bench', access: fullAccess };
const house = await startHouse(readConfig(), {
  identifying: (own) => async (authorization, source) =>
    authorization === `Bearer ${token}` ? bearer : own(authorization, source),
});
process.once('SIGTERM', () => house.stop().finally(() => process.exit(0)));
