/** Japanese by the escapes of ISO 2022, as HL7 v2 has it: JIS X 0201, 0208 and 0212. https://www.rfc-editor.org/rfc/rfc2237 */

/** Names of table 0211. */
export const JAPANESE: ReadonlySet<string> = new Set(['ISO IR14', 'ISO IR13', 'ISO IR87', 'ISO IR159', 'ISO-2022-JP']);

const ESCAPE = 0x1b;

/** What follows an escape, by its bytes: how many of each character's bytes come then, and what EUC puts before them. */
const switches: Readonly<Record<string, { readonly bytes: 1 | 2; readonly before?: number }>> = {
  '(B': { bytes: 1 },
  '(J': { bytes: 1 },
  '(I': { bytes: 1, before: 0x8e },
  ')I': { bytes: 1 },
  $B: { bytes: 2 },
  '$@': { bytes: 2 },
  '$(D': { bytes: 2, before: 0x8f },
};

/** The switch that an escape at this place is, with its length; undefined where it is none of these. */
function switchAt(bytes: Uint8Array, at: number) {
  const two = String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0);
  const name = two === '$(' ? two + String.fromCharCode(bytes[at + 3] ?? 0) : two;
  const to = Object.hasOwn(switches, name) ? switches[name] : undefined;
  return to && { ...to, length: 1 + name.length };
}

/** Whether an escape to characters of two bytes stands in it. */
export function switchesToJapanese(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(ESCAPE); at >= 0; at = bytes.indexOf(ESCAPE, at + 1))
    if (switchAt(bytes, at)?.bytes === 2) return true;
  return false;
}

/** EUC holds the same characters without a state, and is read in one go. A line begins in ASCII. */
export function japaneseText(bytes: Uint8Array): string {
  const out = Buffer.alloc(bytes.length * 2);
  let to = 0;
  let size: 1 | 2 = 1;
  let before: number | undefined;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    const change = byte === ESCAPE ? switchAt(bytes, at) : undefined;
    if (change) {
      ({ bytes: size, before } = { before: undefined, ...change });
      at += change.length;
      continue;
    }
    const isText = byte > 0x20 && byte < 0x7f;
    if (byte === 0x0d || byte === 0x0a) [size, before] = [1, undefined];
    if (isText && (size === 2 || before !== undefined)) {
      if (before !== undefined) out[to++] = before;
      out[to++] = byte | 0x80;
      if (size === 2) out[to++] = (bytes[at + 1] ?? 0) | 0x80;
      at += size;
      continue;
    }
    // Katakana of half width, in the upper half of JIS X 0201.
    if (byte >= 0xa1 && byte <= 0xdf) out[to++] = 0x8e;
    out[to++] = byte;
    at++;
  }
  return new TextDecoder('euc-jp').decode(out.subarray(0, to));
}
