/** Which scopes a client may be registered for. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { kindOf, meantBy } from '../scopes/words.ts';

const MOST = 200;

/** What is wrong with the list, as the rest of a sentence; undefined where each word could be granted. `actsForItself`: by client_credentials. */
export function scopesFault(words: readonly string[], actsForItself: boolean): string | undefined {
  if (words.length === 0) return 'must name what the client may ask for';
  if (words.length > MOST) return `may have ${MOST} words`;
  for (const [at, word] of words.entries()) {
    const kind = kindOf(word);
    const meant = meantBy(word);
    // The word is the sender's text, and is not sent back.
    if (kind === 'unknown' || (kind === 'fhir' && meant.length === 0))
      return `has a word that is no scope of this server, at place ${at + 1}`;
    if (!meant.some(({ context }) => context === 'system')) continue;
    if (!actsForItself)
      return 'names a system scope, which needs the grant type client_credentials and with it a secret or a key';
  }
  return undefined;
}
