/** `watchfire receive`: stands in for an EHR's webhook, checks each signature and says what came. https://www.standardwebhooks.com */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSigned } from '../outbound/signing.ts';

export interface Receiver {
  /** `http://127.0.0.1:9200`. */
  readonly url: string;
  /** Secrets that a signature may be made with; one can be added when it is known. */
  readonly secrets: Set<string>;
  close(): Promise<void>;
}

const header = ({ headers }: IncomingMessage, name: string) => {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
};

function summary(body: string): string {
  if (body === '') return 'an empty notification';
  try {
    const resource = JSON.parse(body);
    const subject = resource.subject?.reference ?? resource.patient?.reference;
    return `${resource.resourceType}/${resource.id} version ${resource.meta?.versionId} (${resource.status ?? 'no status'}${subject ? `, ${subject}` : ''})`;
  } catch {
    return 'a body that is no JSON';
  }
}

/** Listens on the loopback; answers 200 to what is signed right, 401 to the rest. */
export async function receive(port: number, print: (line: string) => void, now: () => number): Promise<Receiver> {
  const secrets = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const id = header(request, 'webhook-id');
      const isGood = isSigned(
        [...secrets],
        id,
        header(request, 'webhook-timestamp'),
        body,
        header(request, 'webhook-signature'),
        now(),
      );
      print(
        `EHR webhook: ${request.method} ${request.url} ${summary(body)}, webhook-id ${id}, signature ${isGood ? 'valid' : 'NOT valid'}`,
      );
      response.writeHead(isGood ? 200 : 401).end();
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secrets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
