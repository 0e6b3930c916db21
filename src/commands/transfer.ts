/** `watchfire export` and `watchfire import`: a whole store to a folder or down a pipe, and into another one. docs/moving-stores.md */
import { existsSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { accessOfOwners } from '../access-rooms.ts';
import type { Config } from '../config.ts';
import { addressUrl } from '../http/connection.ts';
import { openEngine } from '../open-engine.ts';
import { createCustomParameters } from '../operations/custom-parameters.ts';
import { createClosing } from '../process/closing.ts';
import { takeOwnership } from '../process/owner.ts';
import { systemRuntime } from '../runtime.ts';
import { extract, extractorAt } from '../search/extract.ts';
import { createTokens } from '../smart/authorization/tokens.ts';
import { readPolicies } from '../smart/policies/policy.ts';
import { createAccessRoom } from '../smart/policies/room.ts';
import type { Engine } from '../store/engine.ts';
import { canonicalOf } from '../store/facts.ts';
import { catchUp } from '../subscriptions/catch-up.ts';
import type { Comparison } from '../transfer/compare.ts';
import { demandQuiet, demandWhole } from '../transfer/demands.ts';
import { type ExportParts, exportTo } from '../transfer/export.ts';
import { exportToFolder } from '../transfer/export-folder.ts';
import { importFrom } from '../transfer/import.ts';
import { type Tallied, type Tallies, tallied } from '../transfer/lines.ts';
import { fromFolder, fromPipe } from '../transfer/source.ts';
import { createProgress, number, type Progress } from './progress.ts';

const runtime = systemRuntime;
const say = (line: string) => process.stderr.write(`${line}\n`);

const names: Readonly<Record<Tallied, string>> = {
  resources: 'resources',
  versions: 'versions',
  tombstones: 'of them deletions',
  audit: 'audit rows',
  kept: 'kept state',
  expiring: 'kept for a time',
};

interface Opened {
  readonly engine: Engine;
  readonly isShared: boolean;
  readonly base: string;
  readonly learnParameters: () => Promise<void>;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Opens the store that the settings name, for this command alone, and closes it whatever becomes of the work. */
async function withStore<T>(config: Config, progress: Progress, work: (opened: Opened) => Promise<T>): Promise<T> {
  const closing = createClosing();
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error('stopped; the same command goes on from here'));
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, onSignal);
    closing.add(() => process.off(name, onSignal));
  }
  try {
    if (config.store === 'sqlite') closing.add(takeOwnership(config.data).release);
    const { engine, isShared } = await openEngine({
      config,
      runtime,
      onCommit: () => undefined,
      log: { warn: say, error: say },
    });
    closing.add(engine.close);
    await demandQuiet(engine);
    const custom = createCustomParameters({ store: engine, onRenewed: () => undefined });
    return await work({
      engine,
      isShared,
      base: `${config.baseUrl ?? addressUrl(config.host, config.port)}/fhir`,
      learnParameters: custom.renew,
      signal: stop.signal,
      progress,
    });
  } finally {
    progress.clear();
    await closing.all();
  }
}

/** Of a pipe the reader shows how far it is: two bars in one terminal would write over each other. */
const isPiped = (): boolean => {
  const out = fstatSync(1);
  return out.isFIFO() || out.isSocket();
};

/** `to` is a folder, or `-` for the standard output. */
export async function exportStore(config: Config, to: string): Promise<void> {
  if (to === '-' && process.stdout.isTTY) throw new Error('name a folder with --to, or pipe into `watchfire import`');
  if (config.store === 'sqlite' && !existsSync(join(config.data, 'watchfire.db')))
    throw new Error(`there is no store in ${config.data}`);
  const isQuiet = to === '-' && isPiped();
  const progress = createProgress(isQuiet ? { write: () => undefined } : process.stderr, runtime.now);
  const tallies = await withStore(config, progress, async ({ engine, isShared, base, learnParameters, signal }) => {
    await demandWhole(engine);
    await learnParameters();
    const policies = readPolicies();
    const canonical = (await canonicalOf(engine)) ?? config.canonical;
    const accessOf = accessOfOwners(
      createTokens(engine, runtime, base),
      createAccessRoom({ store: engine, base, canonical, extract: extractorAt(base), runtime, policies }),
    );
    await catchUp({ store: engine, isShared, base, runtime, accessOf, extract });
    const parts: ExportParts = {
      engine,
      canonical,
      now: runtime.now,
      version: packageJson.version,
      onProgress: (done, of) => progress.show('exported', done, of),
      signal,
    };
    return to === '-' ? exportTo(process.stdout, parts) : exportToFolder(to, parts);
  });
  if (!isQuiet) sayTallies(tallies, to);
}

function sayTallies(tallies: Tallies, to: string): void {
  for (const name of tallied) say(`${names[name].padEnd(18)}${number(tallies[name].count).padStart(14)}`);
  say(`exported${to === '-' ? '' : ` to ${to}`}`);
}

/** `from` is a folder, or `-` for the standard input. Throws where the store does not hold what was exported. */
export async function importStore(config: Config, from: string): Promise<void> {
  if (from === '-' && process.stdin.isTTY)
    throw new Error('name a folder with --from, or pipe from `watchfire export`');
  const progress = createProgress(process.stderr, runtime.now);
  try {
    const source = from === '-' ? await fromPipe(process.stdin) : fromFolder(from);
    const comparison = await withStore(config, progress, ({ engine, base, learnParameters, signal }) =>
      importFrom(source, {
        engine,
        extract: extractorAt(base),
        learnParameters,
        now: runtime.now,
        sleep: runtime.sleep,
        onProgress: progress.show,
        signal,
      }),
    );
    sayComparison(comparison);
    if (!comparison.isSame) throw new Error('the store does not hold what was exported; no server will start on it');
  } finally {
    // Or whoever writes would wait for ever, and this process with it.
    if (from === '-') process.stdin.destroy();
  }
}

function sayComparison({ rows, expired }: Comparison): void {
  say(`${''.padEnd(18)}${'exported'.padStart(14)}${'stored'.padStart(14)}  checksum`);
  for (const { of, exported, stored, isSame } of rows) {
    const over = of === 'expiring' && expired > 0 ? `, ${number(expired)} expired meanwhile` : '';
    say(
      `${names[of].padEnd(18)}${number(exported).padStart(14)}${number(stored).padStart(14)}  ${isSame ? 'equal' : 'DIFFERS'}${over}`,
    );
  }
}
