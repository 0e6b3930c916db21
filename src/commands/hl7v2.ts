/** `watchfire hl7v2 send`: messages of a file by MLLP, from the command line. docs/hl7v2.md */
import { readFileSync } from 'node:fs';
import { messagesIn } from '../ingest/hl7v2/wire/batches.ts';
import { connectMllp } from '../ingest/hl7v2/wire/client.ts';
import { parseMessage } from '../ingest/hl7v2/wire/message.ts';

export interface SendOptions {
  /** `host:port` */
  readonly to: string;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A line for each: MSH-10, the code of its answer, and what it says. Resolves to whether all were accepted. */
export async function sendFile(file: string, options: SendOptions, print: (line: string) => void): Promise<boolean> {
  const [, host, port] = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(options.to) ?? [];
  if (port === undefined) throw new Error('--to must be host:port');
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  const isSecure = options.tls === true || options.ca !== undefined || options.cert !== undefined;
  const tls = isSecure ? { ca: read(options.ca), cert: read(options.cert), key: read(options.key) } : undefined;
  const messages = messagesIn(readFileSync(file));
  const client = await connectMllp({ host: host ?? '127.0.0.1', port: Number(port), ...(tls && { tls }) });
  let isAllAccepted = true;
  try {
    for (const message of messages) {
      // In a file segments often end as lines of text do.
      const sent = message.toString('latin1').replace(/\r?\n/g, '\r').trim();
      const answer = parseMessage(await client.send(Buffer.from(`${sent}\r`, 'latin1')));
      const verdict = answer.first('MSA');
      const code = verdict?.get(1) ?? '';
      print([verdict?.whole(2) ?? '', code, verdict?.get(3) ?? ''].join('  ').trim());
      isAllAccepted &&= code === 'AA' || code === 'CA';
    }
  } finally {
    client.close();
  }
  return isAllAccepted;
}
