/** PLACEHOLDER */
import type { Check, Run } from './run.ts';
export function checkProfiles(_resource: any, _run: Run): void {}
export function extensionProfile(_url: string): Check | undefined {
  return undefined;
}
