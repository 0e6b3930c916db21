/** Recovery codes: ten, each good once, shown once, kept as hashes; for whoever lost every other factor. https://pages.nist.gov/800-63-4/sp800-63b.html#lookupsecrets */
import type { Runtime } from '../../runtime.ts';
import { hashOf } from '../secrets.ts';

const COUNT = 10;
/** Without those that are taken for another when read from paper. 32 of them: five bits each. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz023456789';
/** 120 bits: more than NIST's 112, from which on a plain hash is enough. */
const LETTERS = 24;

/** Ten codes in groups of four letters, and what is kept of them. */
export function freshCodes(runtime: Pick<Runtime, 'random'>): { codes: readonly string[]; kept: readonly string[] } {
  const letters = Array.from({ length: COUNT }, () =>
    Array.from(runtime.random(LETTERS), (byte) => alphabet[byte % 32]).join(''),
  );
  return { codes: letters.map((code) => code.match(/.{4}/g)!.join('-')), kept: letters.map(hashOf) };
}

/** The codes that are left after this one, undefined where it is none of them. However it is spaced. */
export function afterUse(kept: readonly string[], code: string): readonly string[] | undefined {
  const used = hashOf(
    code
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, ''),
  );
  return kept.includes(used) ? kept.filter((one) => one !== used) : undefined;
}
