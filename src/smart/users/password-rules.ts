/** What may be a password: length counts, composition does not, and what everybody guesses first is refused. https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver */
import { problem } from '../../fhir/outcome.ts';

/** Characters after NFKC. */
export const SHORTEST = 8;
export const LONGEST = 128;

/** Rows and columns of keyboards, the alphabet, the digits: whoever types along them chose nothing. */
const tracks = [
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
  '1234567890',
  '1qaz2wsx3edc4rfv5tgb',
  '1q2w3e4r5t6z7',
  '1q2w3e4r5t6y7',
  'abcdefghijklmnopqrstuvwxyz',
  '0123456789',
];
const bothWays = [...tracks, ...tracks.map((track) => [...track].reverse().join(''))];

const looksLike: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
};

/** As it is read by somebody who knows that `P@ssw0rd` is `password`: small letters, look-alikes as what they look like. */
function fold(text: string): string {
  return [...text.toLowerCase()].map((character) => looksLike[character] ?? character).join('');
}

/** Words that stand first in any guesser's list, in the languages of our houses; folded as `fold` does. */
const common = new Set(
  (
    'password passwort passwd passphrase kennwort geheim secret welcome willkommen hello hallo login letmein admin ' +
    'administrator root user test demo guest default changeme system master access freedom sunshine princess dragon ' +
    'monkey football baseball soccer fussball iloveyou ichliebedich trustno watchfire fhir hospital krankenhaus klinik ' +
    'clinic doctor doktor nurse schwester patient medical health cardio station spring summer autumn fall winter ' +
    'fruehling sommer herbst monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch ' +
    'donnerstag freitag samstag sonntag january february march april may june july august september october november ' +
    'december januar februar maerz mai juni juli oktober dezember my mein the new neues a'
  )
    .split(' ')
    .map((word) => fold(word)),
);

/** What is left when all that goes along a track for three keys or more is taken out. */
function withoutRuns(text: string): string {
  let rest = '';
  for (let at = 0; at < text.length; ) {
    let end = at + 1;
    for (const track of bothWays) {
      let length = text.length - at;
      while (length > 2 && !track.includes(text.slice(at, at + length))) length--;
      if (length > 2) end = Math.max(end, at + length);
    }
    if (end === at + 1) rest += text[at];
    at = end;
  }
  return rest;
}

/** Whether it is common words one after another, at most four. */
function isOfCommonWords(text: string, most = 4): boolean {
  if (text === '') return true;
  if (most === 0) return false;
  for (let length = 1; length <= text.length; length++)
    if (common.has(text.slice(0, length)) && isOfCommonWords(text.slice(length), most - 1)) return true;
  return false;
}

/** A guesser tries years, numbers and signs of the keyboard around a word. */
const withoutTrimmings = (text: string): string =>
  text.replace(/^[\x20-\x60\x7b-\x7e]{1,8}/, '').replace(/[\x20-\x60\x7b-\x7e]{1,8}$/, '');

function isCommon(text: string): boolean {
  const small = text.toLowerCase();
  return [small, withoutTrimmings(small)].some((form) => {
    const folded = fold(form);
    return isOfCommonWords(folded) || isOfCommonWords(folded.replace(/[\x20-\x60\x7b-\x7e]/g, ''));
  });
}

/** Parts of a login that say enough to be guessed from it. */
const partsOf = (login: string): readonly string[] =>
  [login, ...login.split(/[._@+-]/)].filter((part) => part.length >= 4 || part === login);

/** Why this is no password for that login; undefined where it is one. */
export function objectionTo(password: string, login: string): string | undefined {
  const text = password.normalize('NFKC');
  const length = [...text].length;
  if (length < SHORTEST || length > LONGEST) return `must have ${SHORTEST} to ${LONGEST} characters`;
  const small = text.toLowerCase();
  if (partsOf(login).some((part) => small.includes(part))) return 'must not contain the login';
  if (fold(small).includes('watchfire')) return 'must not contain the name of this product';
  if (/^(.{1,4})\1+.{0,3}$/su.test(small)) return 'must not repeat one thing over and over';
  if (withoutRuns(small).length <= 3) return 'must not be keys or characters in a row';
  if (isCommon(text)) return 'is among those that are guessed first';
  return undefined;
}

const AT = { expression: 'password' };

/** Refuses with 400 what is no password for that login; the sentence never holds it. */
export function demandPassword(password: unknown, login: string): string {
  if (typeof password !== 'string' || !password.isWellFormed()) throw problem('required', 'password must be text', AT);
  const objection = objectionTo(password, login);
  if (objection !== undefined) throw problem('value', `password ${objection}`, AT);
  return password;
}
