/** Where an import reads from: a pipe or a folder, the same lines from both. */
import type { Readable } from 'node:stream';
import { readManifest, readPart } from './folder.ts';
import { type EndLine, type Header, type Line, readHeader, readLine } from './lines.ts';

export interface Source {
  readonly header: Header;
  /** Every line as it was written; the last one is of the end. Throws where the export stops before it or is damaged. */
  readonly lines: AsyncIterable<{ readonly line: Line | EndLine; readonly text: string }>;
}

const cutShort = 'the export stops before its end; run it again, and what is stored already is passed over';

export async function fromPipe(input: Readable): Promise<Source> {
  const reader = textLines(input);
  const first = await reader.next();
  if (first.done) throw new Error('nothing came to be imported');
  return { header: readHeader(first.value), lines: untilEnd(reader) };
}

async function* untilEnd(texts: AsyncIterable<string>) {
  for await (const text of texts) {
    const line = readLine(text);
    yield { line, text };
    if (line.is === 'end') return;
  }
  throw new Error(cutShort);
}

/** Lines that end: one that was cut off in the middle is none. */
async function* textLines(input: Readable): AsyncGenerator<string, void, void> {
  let rest = '';
  for await (const chunk of input.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = chunk.split('\n');
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    yield* lines;
  }
}

export function fromFolder(folder: string): Source {
  const manifest = readManifest(folder);
  if (!manifest) throw new Error(`there is no export in ${folder}`);
  if (!manifest.isWhole)
    throw new Error(`the export in ${folder} is not finished; run \`watchfire export --to\` with this folder again`);
  async function* lines() {
    for (const part of manifest!.parts) for (const text of readPart(folder, part)) yield { line: readLine(text), text };
    const end: EndLine = { is: 'end', tallies: manifest!.tallies };
    yield { line: end, text: '' };
  }
  return { header: manifest.header, lines: lines() };
}
