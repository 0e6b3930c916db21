/** What came, as text that somebody can repair: sent back with the line ends that it had. */
import { say } from '../page.js';

/** Characters that a field shows without getting slow. */
const MOST = 200_000;

export function editor({ field, hint }) {
  let shown;
  let end = '\n';
  let isRepairable = false;

  function tell() {
    if (isRepairable) hint.textContent = field.value === shown ? '' : say('quarantine.repaired');
  }
  field.addEventListener('input', tell);

  return {
    fill(bytes) {
      const isLong = bytes.length > MOST;
      let text;
      try {
        text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(isLong ? undefined : bytes);
      } catch {
        text = undefined;
      }
      // A field knows one line end; which there was is kept for the way back.
      const ends = new Set(text?.match(/\r\n|\r|\n/g));
      end = [...ends][0] ?? '\n';
      isRepairable = !isLong && text !== undefined && ends.size <= 1;
      field.value = isRepairable ? text : new TextDecoder('windows-1252').decode(bytes.subarray(0, MOST));
      field.readOnly = !isRepairable;
      shown = field.value;
      hint.textContent = isLong ? say('quarantine.long', { shown: MOST, count: bytes.length }) : isRepairable ? '' : say('quarantine.binary');
    },
    clear() {
      field.value = '';
      hint.textContent = '';
      shown = undefined;
      isRepairable = false;
    },
    /** Undefined where it is to be sent as it came. */
    changed() {
      if (!isRepairable || shown === undefined || field.value === shown) return undefined;
      return new TextEncoder().encode(field.value.replaceAll('\n', end));
    },
  };
}
