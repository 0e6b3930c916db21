/** The three folders of the file drop: made where they are missing, refused where they cannot serve. docs/file-drop.md */
import { accessSync, constants, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { type Config, ConfigError } from '../../config.ts';

export interface Folders {
  readonly inbox: string;
  readonly archive: string;
  readonly failed: string;
  /** Those into which everybody on the machine may write. */
  readonly open: readonly string[];
}

const WRITABLE_BY_ALL = 0o002;

/** Absolute, without links; made where nothing is there. */
function placed(setting: string, given: string): string {
  try {
    mkdirSync(given, { recursive: true, mode: 0o755 });
    const path = realpathSync(given);
    if (!statSync(path).isDirectory()) throw new ConfigError(`${setting}: ${given} is not a folder`);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return path;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const sentence =
      code === 'EEXIST' || code === 'ENOTDIR' ? 'is not a folder' : `cannot be made, read or written (${code})`;
    throw new ConfigError(`${setting}: the folder ${given} ${sentence}`);
  }
}

const isWithin = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer + sep);

/** Undefined where no inbox is set. Throws a ConfigError that names the setting. */
export function openFolders(config: Pick<Config, 'iotInbox' | 'iotArchive' | 'iotFailed'>): Folders | undefined {
  const { iotInbox, iotArchive, iotFailed } = config;
  if (iotInbox === undefined) return undefined;
  if (iotArchive === undefined) throw new ConfigError('IOT_ARCHIVE_DIR must be set where IOT_INBOX_DIR is');
  // Asked before anything is made.
  if (resolve(iotInbox) === resolve(iotArchive))
    throw new ConfigError('IOT_ARCHIVE_DIR must be another folder than IOT_INBOX_DIR');
  const inbox = placed('IOT_INBOX_DIR', iotInbox);
  const archive = placed('IOT_ARCHIVE_DIR', iotArchive);
  const failed = placed('IOT_FAILED_DIR', iotFailed ?? join(dirname(archive), 'failed'));
  for (const [setting, folder] of [
    ['IOT_ARCHIVE_DIR', archive],
    ['IOT_FAILED_DIR', failed],
  ] as const) {
    if (folder === inbox) throw new ConfigError(`${setting} must be another folder than IOT_INBOX_DIR`);
    if (isWithin(inbox, folder)) throw new ConfigError(`IOT_INBOX_DIR must not lie in ${setting}`);
  }
  if (archive === failed) throw new ConfigError('IOT_FAILED_DIR must be another folder than IOT_ARCHIVE_DIR');
  const open = [inbox, archive, failed].filter((folder) => (statSync(folder).mode & WRITABLE_BY_ALL) !== 0);
  return { inbox, archive, failed, open };
}
