/** What a store is told once and keeps: the canonical base of what the server defines, and the key of its page tokens. */
import type { Runtime } from './runtime.ts';

/** Small facts by name, beside the resources. */
export interface Facts {
  setting(name: string): string | undefined;
  /** Resolves when it is on disk. */
  setSetting(name: string, value: string): Promise<void>;
}

const CANONICAL = 'canonical';
const PAGE_KEY = 'page-key';

/** The first start tells it, every other must say the same: another value would orphan every identifier in the store. */
export async function keepCanonical(facts: Facts, canonical: string): Promise<void> {
  const stored = facts.setting(CANONICAL);
  if (stored === undefined) return facts.setSetting(CANONICAL, canonical);
  if (stored !== canonical) {
    throw new Error(
      `WATCHFIRE_CANONICAL is ${canonical}, but this store was begun with ${stored}; it cannot be changed`,
    );
  }
}

/** 32 bytes, made at the first start. */
export async function pageKeyOf(facts: Facts, runtime: Runtime): Promise<Uint8Array> {
  const stored = facts.setting(PAGE_KEY);
  if (stored !== undefined) return Buffer.from(stored, 'base64');
  const key = runtime.random(32);
  await facts.setSetting(PAGE_KEY, Buffer.from(key).toString('base64'));
  return key;
}
