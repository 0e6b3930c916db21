/** Names of dropped files: bytes, as the file system has them. What they say is advice alone; what they are called afterwards. docs/file-drop.md */
import { Buffer } from 'node:buffer';

/** Of most file systems, in bytes. */
const LONGEST = 255;

/** For people and logs: what could move a cursor, end a line or turn the writing around is escaped. */
export const shown = (name: Uint8Array): string =>
  Buffer.from(name)
    .toString('utf8')
    .replace(/[\p{C}\p{Zl}\p{Zp}\\"]/gu, (letter) =>
      letter === '\\' || letter === '"'
        ? `\\${letter}`
        : `\\u{${letter.codePointAt(0)!.toString(16).padStart(4, '0')}}`,
    );

/** Whether a name is one of a finished file. Others are left alone: writers that rename begin with them, and a reason is no reading. */
export const isFinished = (name: Buffer): boolean =>
  name[0] !== 0x2e && /(?<!\.error)\.json$/i.test(name.toString('latin1'));

/** Whether the name, such as `DEV001_20251117_103000.json`, claims a device other than the one that the content names. */
export function claimsAnother(name: Buffer, deviceId: string): boolean {
  const text = name.toString('utf8');
  return /^.+_\d{8}_\d{6}(?:[_-].*)?\.json$/i.test(text) && !text.startsWith(`${deviceId}_`);
}

/** Cut where a letter begins. */
function cut(name: Buffer, length: number): Buffer {
  if (name.length <= length) return name;
  let end = length;
  while (end > 0 && (name[end]! & 0xc0) === 0x80) end--;
  return name.subarray(0, end);
}

const join = (stem: Buffer, tail: string): Buffer =>
  Buffer.concat([cut(stem, LONGEST - Buffer.byteLength(tail)), Buffer.from(tail)]);

const stemOf = (name: Buffer): Buffer => (isFinished(name) ? name.subarray(0, -'.json'.length) : name);
const numbered = (n: number): string => (n === 0 ? '' : `_${n}`);

const two = (value: number): string => String(value).padStart(2, '0');

/** The day of an instant on the clock of this machine, `2025-11-17`: what `date +%Y-%m-%d` says. */
export function dayOf(instant: number): string {
  const at = new Date(instant);
  return `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** `DEV001_reading1_20251117_103045.json`; the nth of one second has its number behind. */
export function archivedName(name: Buffer, instant: number, n: number): Buffer {
  const at = new Date(instant);
  const time = `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
  return join(stemOf(name), `_${dayOf(instant).replaceAll('-', '')}_${time}${numbered(n)}.json`);
}

/** The name as it was, if nothing of that name has failed before. */
export const failedName = (name: Buffer, n: number): Buffer =>
  n === 0 ? name : join(stemOf(name), `${numbered(n)}.json`);

export const errorName = (failed: Buffer): Buffer => join(failed, '.error.json');
