/** What a store is told once and keeps: the canonical base of what the server defines, and the key of its page tokens. */
import type { Runtime } from '../runtime.ts';
import type { Engine } from './engine.ts';

type Facts = Pick<Engine, 'keepFact'>;

const CANONICAL = 'canonical';
const PAGE_KEY = 'page-key';

/** The first start tells it, every other must say the same: another value would orphan every identifier in the store. */
export async function keepCanonical(facts: Facts, canonical: string): Promise<void> {
  const kept = await facts.keepFact(CANONICAL, canonical);
  if (kept !== canonical) {
    throw new Error(`WATCHFIRE_CANONICAL is ${canonical}, but this store was begun with ${kept}; it cannot be changed`);
  }
}

/** The canonical base that the store was begun with; undefined for a store that no server has served yet. */
export const canonicalOf = (facts: Pick<Engine, 'fact'>): Promise<string | undefined> => facts.fact(CANONICAL);

/** 32 bytes, made at the first start; the same for all servers of the store. */
export async function pageKeyOf(facts: Facts, runtime: Pick<Runtime, 'random'>): Promise<Uint8Array> {
  const fresh = Buffer.from(runtime.random(32)).toString('base64');
  return Buffer.from(await facts.keepFact(PAGE_KEY, fresh), 'base64');
}
