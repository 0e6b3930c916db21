/** Separators and backslash escapes in search values. https://hl7.org/fhir/R4/search.html#escaping */

/** Splits at a separator that no backslash escapes; the parts keep their escapes. */
export function splitEscaped(value: string, separator: string): string[] {
  if (!value.includes('\\')) return value.split(separator);
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < value.length; i++) {
    if (value[i] === '\\') i++;
    else if (value[i] === separator) {
      parts.push(value.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(value.slice(start));
  return parts;
}

/** Whether each backslash stands before a character that it may escape. */
export const isEscaped = (value: string): boolean => !value.replace(/\\[,|$\\]/g, '').includes('\\');

/** A value in which these characters mean themselves. */
export const escaped = (text: string): string => text.replace(/[\\,$|]/g, '\\$&');

/** `\,` `\|` `\$` and `\\` as the characters that they stand for; other backslashes stay. */
export const unescaped = (value: string): string => value.replace(/\\([,|$\\])/g, '$1');
