/** A mail server for tests that speaks SMTP over real sockets, with STARTTLS and AUTH, and keeps what it takes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';

export interface Taken {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly isSecure: boolean;
  readonly user: string | undefined;
}

export interface MailServer {
  readonly port: number;
  /** PEM of who signed its certificate. */
  readonly authority: string;
  readonly taken: Taken[];
  /** All lines that clients sent. */
  readonly said: string[];
  /** The next answers to RCPT TO; 250 where there is none. */
  readonly answers: string[];
  stop(): Promise<void>;
}

/** `offers`: lines of EHLO besides. `injects`: what stands behind the answer to STARTTLS in the clear. */
export async function openMailServer(offers: readonly string[] = ['STARTTLS'], injects = ''): Promise<MailServer> {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-smtp-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  const pem = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  const taken: Taken[] = [];
  const said: string[] = [];
  const answers: string[] = [];
  const sockets = new Set<Socket>();

  function talk(socket: Socket, isSecure: boolean): void {
    let [buffer, letter, from, to] = ['', '', '', ''];
    let user: string | undefined;
    let isData = false;
    const say = (text: string) => socket.write(`${text}\r\n`);
    const take = (line: string): void => {
      if (isData) {
        if (line !== '.') {
          letter += `${line.startsWith('..') ? line.slice(1) : line}\r\n`;
          return;
        }
        isData = false;
        taken.push({ from, to, text: letter, isSecure, user });
        letter = '';
        say('250 taken');
        return;
      }
      said.push(line);
      if (line.startsWith('EHLO'))
        say(['250-localhost', ...offers.map((one) => `250-${one}`), '250 SIZE 1000'].join('\r\n'));
      else if (line === 'STARTTLS') {
        socket.write(`220 go\r\n${injects}`);
        socket.removeAllListeners('data');
        talk(new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(pem) }), true);
      } else if (line.startsWith('AUTH PLAIN ')) {
        const [, name, password] = Buffer.from(line.slice(11), 'base64').toString().split('\0');
        if (password === 'right') user = name;
        say(password === 'right' ? '235 yes' : '535 no');
      } else if (line.startsWith('MAIL FROM:')) {
        from = line.slice(11, -1);
        say('250 ok');
      } else if (line.startsWith('RCPT TO:')) {
        to = line.slice(9, -1);
        say(answers.shift() ?? '250 ok');
      } else if (line === 'DATA') {
        isData = true;
        say('354 go on');
      } else if (line === 'QUIT') {
        say('221 bye');
        socket.end();
      } else say('500 what');
    };
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      buffer += bytes.toString('latin1');
      for (let at = buffer.indexOf('\r\n'); at >= 0; at = buffer.indexOf('\r\n')) {
        const line = buffer.slice(0, at);
        buffer = buffer.slice(at + 2);
        take(line);
      }
    });
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write('220-localhost\r\n220 ready\r\n');
    talk(socket, false);
  });
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
  return {
    port: (server.address() as AddressInfo).port,
    authority: pem.cert.toString(),
    taken,
    said,
    answers,
    async stop() {
      for (const one of sockets) one.destroy();
      await new Promise((go) => server.close(go));
    },
  };
}
