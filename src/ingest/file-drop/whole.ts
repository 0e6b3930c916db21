/** Whether JSON text ends before it is over: then more may come. https://www.rfc-editor.org/rfc/rfc8259 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const opens = new Set([0x7b, 0x5b]);
const closes = new Set([0x7d, 0x5d]);

/** True for nothing but space, for open brackets or strings, and for zeros where a writer has not been yet. Says nothing about the rest. */
export function isCutOff(sent: Buffer): boolean {
  const bytes = withoutMark(sent);
  let depth = 0;
  let isText = false;
  let isEmpty = true;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === 0) return true;
    if (isText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isText = false;
      continue;
    }
    if (byte > 0x20) isEmpty = false;
    if (byte === QUOTE) isText = true;
    else if (opens.has(byte)) depth++;
    else if (closes.has(byte)) depth--;
  }
  return isEmpty || isText || depth > 0;
}

/** Without the byte order mark that some writers of Windows put before UTF-8. JSON may have none, and its readers may pass it over. */
export const withoutMark = (bytes: Buffer): Buffer =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
