/** What the data folder is needed for, in the words of the setting that names it. docs/configuration.md */
import { ConfigError } from '../config.ts';

/** Does what needs the data folder; where the system refuses, the setting is named. */
export function inDataFolder<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new ConfigError(`WATCHFIRE_DATA: the folder ${folder} cannot be made, read or written (${code})`);
  }
}
