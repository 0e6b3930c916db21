/** What is typed into a terminal and nobody may see over the shoulder, a line for each prompt. https://nodejs.org/api/readline.html */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Rejects where the terminal is closed, or Ctrl-C pressed, before all are there. */
export async function typed(
  prompts: readonly string[],
  input: NodeJS.ReadableStream = process.stdin,
): Promise<readonly string[]> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true, historySize: 0 });
  const given: string[] = [];
  try {
    for (const prompt of prompts) {
      process.stderr.write(prompt);
      given.push(
        await new Promise<string>((resolve, reject) => {
          lines.once('line', resolve);
          lines.once('SIGINT', () => reject(new Error('stopped')));
          lines.once('close', () => reject(new Error('stopped before all was given')));
        }),
      );
      process.stderr.write('\n');
    }
    return given;
  } finally {
    lines.close();
  }
}
