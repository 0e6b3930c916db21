/** The commands that stand in for what sends: `watchfire simulate`. docs/simulators.md */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../config.ts';
import { systemRuntime } from '../runtime.ts';
import { print, progressLine, seconds, whole } from './arguments.ts';

/** By hand, so that no command needs the simulators to be loaded; a test compares. */
export const simulatedMakers = ['boston-scientific', 'medtronic', 'abbott', 'biotronik'] as const;

const speed = (text: string) => {
  if (!/^\d{1,6}(\.\d+)?$/.test(text) || Number(text) === 0) throw new InvalidArgumentError('must be a number above 0');
  return Number(text);
};

const target = (text: string) => {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (!host) throw new InvalidArgumentError('must be host:port');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
};

/** A simulator stands beside a server that is tried, never beside one that people rely on. */
function demandTrial() {
  const config = readConfig();
  if (config.profile === 'production') throw new Error('nothing is simulated with WATCHFIRE_PROFILE=production');
  return config;
}

function untilInterrupted(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

interface MakerFlags {
  readonly port: number;
  readonly seed: number;
  readonly fault?: readonly string[];
  readonly devices: number;
  readonly speed: number;
  readonly perMinute?: number;
  readonly auth?: 'api-key';
  readonly publicKey?: string;
  readonly tlsKey?: string;
  readonly tlsCert?: string;
  readonly tlsCa?: string;
}

async function simulateMaker(maker: (typeof simulatedMakers)[number], flags: MakerFlags): Promise<void> {
  demandTrial();
  const { startMakerSimulator } = await import('../simulators/makers/maker.ts');
  const { fault: faults, publicKey, tlsKey, tlsCert, tlsCa, ...options } = flags;
  const text = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file, 'utf8'));
  const signal = untilInterrupted();
  const simulator = await startMakerSimulator({
    ...options,
    maker,
    faults,
    publicKey: text(publicKey),
    tls: tlsKey && tlsCert ? { key: text(tlsKey)!, cert: text(tlsCert)!, ca: text(tlsCa) } : undefined,
  });
  const setting = maker.replace('-', '_').toUpperCase();
  print(
    `${maker} is simulated at ${simulator.url}, with the seed ${flags.seed}${faults ? ` and ${faults.join(', ')}` : ''}`,
  );
  print('');
  print('Start the server with:');
  print(`  ${setting}_BASE_URL=${simulator.url}`);
  print('No WATCHFIRE_OUTBOUND_ALLOW is needed: the base URL of a maker is allowed by being set. Then, once:');
  print(`  POST /cardiac/credentials/${maker.replace('-', '_')}`);
  print('  {"client_id":"demo","client_secret":"demo-secret","api_key":"demo-key","environment":"production"}');
  print('');
  print(`  curl -sS ${simulator.url}/status`);
  print(`  curl -sS ${simulator.url}/__truth`);
  const progress = progressLine();
  while (!signal.aborted) {
    await systemRuntime.sleep(1_000, signal);
    const { requests, tokens, limited } = simulator.counts();
    progress(`${requests} requests, ${tokens} tokens, ${limited} over the limit`, signal.aborted);
  }
  await simulator.stop();
}

export function simulateCommands(program: Command): void {
  const simulate = program.command('simulate').description('stand in for devices, makers of implants and a hospital');
  simulate
    .command('iot', { isDefault: true })
    .description('post realistic vital signs to the running server; what `simulate` does where no other is named')
    .option('--devices <count>', 'devices that send', whole, 10)
    .option('--readings <count>', 'readings that each sends', whole, 60)
    .option('--every <seconds>', 'seconds between two readings of a device; 0 for as fast as it goes', seconds, 1)
    .option('--seed <number>', 'same number, same readings', whole, 1)
    .action(async (options: { devices: number; readings: number; every: number; seed: number }) => {
      const { simulate: post } = await import('../simulators/iot.ts');
      await post(demandTrial(), options, systemRuntime, progressLine(), untilInterrupted());
    });
  for (const maker of simulatedMakers)
    simulate
      .command(maker)
      .description('serve what this maker of implants would, on the loopback')
      .option('--port <port>', 'port on the loopback; 0 for any that is free', whole, 9_100)
      .option('--seed <number>', 'same number, same patients and readings', whole, 1)
      .option('--fault <names...>', 'faults to have, each NAME or NAME:ONE-IN-SO-MANY')
      .option('--devices <count>', 'generated patients beside the eight that are written', whole, 0)
      .option('--speed <times>', 'transmissions come so many times as often', speed, 1)
      .option('--per-minute <count>', 'requests that are allowed in a minute', whole)
      .option('--auth <kind>', 'api-key: the key alone lets in')
      .option('--public-key <file>', 'PEM or JWK that checks private_key_jwt')
      .option('--tls-key <file>', 'PEM; with --tls-cert it is served over TLS')
      .option('--tls-cert <file>', 'PEM')
      .option('--tls-ca <file>', 'PEM of the authority of callers: mutual TLS')
      .action((flags: MakerFlags) => simulateMaker(maker, flags));
  simulate
    .command('hl7v2')
    .description('send admissions, vital signs and follow-ups of implants by MLLP')
    .requiredOption('--to <host:port>', 'where MLLP is listened for, such as 127.0.0.1:2575', target)
    .option('--messages <count>', 'messages to send', whole, 40)
    .option('--every <seconds>', 'seconds between two messages', seconds, 0)
    .option('--seed <number>', 'same number, same patients', whole, 1)
    .action(
      async ({
        to,
        ...options
      }: {
        to: { host: string; port: number };
        messages: number;
        every: number;
        seed: number;
      }) => {
        demandTrial();
        const { sendHospital } = await import('../simulators/hl7v2.ts');
        await sendHospital({ ...to, ...options }, systemRuntime, progressLine(), untilInterrupted());
      },
    );
}
