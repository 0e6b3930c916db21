/** `watchfire process-iot-data`: looks through the inbox of the file drop once, by the running server or, where none runs, by itself. docs/file-drop.md */
import type { Command } from 'commander';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { systemRuntime } from '../runtime.ts';
import { print, progressLine, whole } from './arguments.ts';
import { ask, type Reached, withServer } from './running.ts';

/** Milliseconds for which somebody else may be starting or stopping: the same command a minute ago, for one. */
const PATIENCE = 60_000;
/** Milliseconds after which somebody who waits is told how far it is. */
const LONG = 4_000;
/** Milliseconds for which a command that opened the store itself stays for others who asked it meanwhile. */
const FOR_OTHERS = 10_000;
const passes =
  /fetch failed|ECONN|is starting|does not listen yet|belongs to the running process|in use by|lock of the data/;

async function finished(reached: Reached, cleanupDays: number | undefined): Promise<any> {
  const progress = progressLine();
  let run = await ask(reached, 'POST', '/admin/iot-files/runs', { cleanup_days: cleanupDays });
  const begun = systemRuntime.now();
  let isShown = false;
  for (let pause = 20; run.state === 'waiting' || run.state === 'running'; pause = Math.min(500, 2 * pause)) {
    await systemRuntime.sleep(pause);
    run = await ask(reached, 'GET', `/admin/iot-files/runs/${run.run}`);
    if (systemRuntime.now() - begun < LONG) continue;
    isShown = true;
    progress(`looked at ${run.looked_at} of ${run.found} files, ${run.archived} archived, ${run.failed} failed`);
  }
  if (isShown) progress(`looked at ${run.looked_at} of ${run.found} files`, true);
  if (!reached.isRunning) await othersTold(reached, run);
  if (run.state === 'refused') throw new Error(run.error);
  return run;
}

/** What a run has done would be lost with the process that did it: it stays until the others know. */
async function othersTold(reached: Reached, { run, others }: any): Promise<void> {
  const until = systemRuntime.now() + FOR_OTHERS;
  for (let left = others; left > 0 && systemRuntime.now() < until; ) {
    await systemRuntime.sleep(100);
    left = (await ask(reached, 'GET', `/admin/iot-files/runs/${run}`)).others;
  }
}

async function processed(config: Config, cleanupDays: number | undefined): Promise<any> {
  const until = systemRuntime.now() + PATIENCE;
  for (;;) {
    try {
      return await withServer(config, (reached) => finished(reached, cleanupDays));
    } catch (error) {
      if (!(error instanceof Error) || !passes.test(error.message) || systemRuntime.now() > until) throw error;
      await systemRuntime.sleep(300);
    }
  }
}

/** Prints what was done; what is not usual only where there was some. */
async function processIotData(config: Config, cleanupDays: number | undefined): Promise<void> {
  if (config.iotInbox === undefined)
    throw new ConfigError('IOT_INBOX_DIR is not set: it names the folder into which devices drop their files');
  const run = await processed(config, cleanupDays);
  const lines: readonly (readonly [string, number | null, isUsual?: true])[] = [
    ['Files processed', run.processed, true],
    ['Files failed', run.failed, true],
    ['Vital signs created', run.vitals, true],
    ['Alerts triggered', run.alerts, true],
    ['Files archived', run.archived, true],
    ['Readings repeated', run.duplicates],
    ['Files waiting', run.waiting],
    ['No files, left alone', run.left],
    ['Archived files removed', run.removed, cleanupDays === undefined ? undefined : true],
    ['Archived files held', run.held],
  ];
  for (const [name, value, isUsual] of lines) if (isUsual || value) print(`${name}: ${value}`);
}

export function fileDropCommands(program: Command): void {
  program
    .command('process-iot-data')
    .description('take in the files that lie in IOT_INBOX_DIR; beside a running server no file is read twice')
    .option('--cleanup', 'then remove old archived files')
    .option('--cleanup-days <count>', 'what is older than so many days is old', whole, 90)
    .action(async ({ cleanup, cleanupDays }: { cleanup?: true; cleanupDays: number }) =>
      processIotData(readConfig(), cleanup ? cleanupDays : undefined),
    );
}
