/** Rows as CSV. https://www.rfc-editor.org/rfc/rfc4180 */
import type { Column, Row } from './table.ts';

/** What a spreadsheet would take for a formula gets an apostrophe before it. */
const harmless = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const cell = (value: unknown, { type }: Column): string => {
  if (value === null || value === undefined) return '';
  const text = type === 'text' ? harmless(String(value)) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const csvHead = (columns: readonly Column[]): string => `${columns.map(({ name }) => name).join(',')}\r\n`;
export const csvLine = (columns: readonly Column[], row: Row): string =>
  `${columns.map((column) => cell(row[column.name], column)).join(',')}\r\n`;
