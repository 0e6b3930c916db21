/** The administrator's token: from the configuration, or made at first start and kept in the data folder, readable by its owner only. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Runtime } from '../runtime.ts';
import { freshWord } from './secrets.ts';

export const adminTokenFile = (dataFolder: string): string => join(dataFolder, 'admin-token');

/** The token in force for a data folder, and the file it came from where it did. */
export function adminToken(
  dataFolder: string,
  configured: string | undefined,
  runtime: Runtime,
): { token: string; file?: string } {
  if (configured) return { token: configured };
  const file = adminTokenFile(dataFolder);
  try {
    return { token: readFileSync(file, 'utf8').trim(), file };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const token = freshWord(runtime);
  writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
  return { token, file };
}
