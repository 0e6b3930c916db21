/** Reads the files of a .tgz package, as FHIR packages come. https://www.gnu.org/software/tar/manual/html_node/Standard.html */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const BLOCK = 512;

/** Name and text of every plain file whose name fits; long names are not read, which FHIR packages do without. */
export function filesOf(tgz: string, wanted: (name: string) => boolean): readonly (readonly [string, string])[] {
  const bytes = gunzipSync(readFileSync(tgz));
  const field = (from: number, length: number) => bytes.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  const files: (readonly [string, string])[] = [];
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const prefix = field(at + 257, 5) === 'ustar' ? field(at + 345, 155) : '';
    const name = prefix === '' ? field(at, 100) : `${prefix}/${field(at, 100)}`;
    const size = Number.parseInt(field(at + 124, 12), 8);
    const start = at + BLOCK;
    if (field(at + 156, 1) !== '5' && wanted(name)) files.push([name, bytes.toString('utf8', start, start + size)]);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
