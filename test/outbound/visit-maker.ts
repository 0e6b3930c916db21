/** A simulated maker, and clients of ours that ask it in virtual time the way its mapping says. */
import { guardedClient } from '../../src/outbound/guarded-client.ts';
import type { Credentials, Environment, MakerAuth, MakerClient, MakerLimits } from '../../src/outbound/maker.ts';
import { createMakerClient } from '../../src/outbound/maker-client.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { type MakerOptions, type MakerSimulator, startMakerSimulator } from '../../src/simulators/makers/maker.ts';
import { textOf } from '../support/sources.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

export const secrets = { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key' };
const documentOf = (maker: string) => JSON.parse(textOf(`mappings/${maker}/maker.json`));

export async function visiting<T>(
  options: MakerOptions,
  credentials: Omit<Credentials, 'environment'>,
  work: (made: {
    readonly simulator: MakerSimulator;
    readonly time: VirtualTime;
    readonly clientIn: (environment: Environment) => MakerClient;
    readonly path: string;
  }) => Promise<T>,
  limits: Partial<MakerLimits> = {},
): Promise<T> {
  const simulator = await startMakerSimulator(options);
  const transport = guardedClient({ allow: [new URL(simulator.url).host], runtime: systemRuntime });
  const time = createVirtualTime(systemRuntime.now());
  const { auth, endpoints } = documentOf(options.maker);
  const clientIn = (environment: Environment) =>
    createMakerClient({
      name: options.maker,
      base: environment === 'sandbox' ? `${simulator.url}/sandbox` : simulator.url,
      auth: auth as MakerAuth[],
      credentials: async () => [{ ...credentials, environment }],
      transport: time.watched(transport),
      runtime: time.runtime,
      limits,
    });
  try {
    return await work({ simulator, time, clientIn, path: endpoints.patients.path });
  } finally {
    await transport.close();
    await simulator.stop();
  }
}
