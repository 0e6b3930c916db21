/** Published test data beside the project, where it is there. Tests that need it skip with a sentence where it is not. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** Absolute path of a file of the shared data, or undefined where it is missing. */
export const sharedData = (name: string): string | undefined => (existsSync(folder + name) ? folder + name : undefined);

/** Says why a test does nothing here; use with `const skipped = without(path, 'R4 examples')`. */
export function without(path: string | undefined, what: string): boolean {
  if (path !== undefined) return false;
  process.stderr.write(`skipped: ${what} are not beside this checkout (shared/data)\n`);
  return true;
}
