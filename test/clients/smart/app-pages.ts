/** The pages of a SMART app in a browser, served from a loopback port of their own: one that launches, one that is come back to, and the libraries as they were published. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const published = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../node_modules/${path}`, import.meta.url)));

export interface AppPages {
  /** Without a slash at its end: what the browser calls the origin. */
  readonly origin: string;
  /** Where fhirclient launches from, with what `authorize` of the app named so is given. */
  launchUrl(name: string, query?: Readonly<Record<string, string>>): string;
  readonly redirectUri: string;
  /** What fhirclient's `authorize` is given, by name of the app; under `medplum` what MedplumClient is. */
  readonly settings: Map<string, object>;
  /** Path and query of every page that was asked for. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

const page = (inside: string) => `<!doctype html><meta charset="utf-8"><title>An app</title>${inside}`;
const library = '<script src="/fhir-client.js"></script>';

/** `client` is there once `told` says so; what went wrong is told too. */
const comeBack = page(`${library}<p id="told"></p><script>
  FHIR.oauth2.ready().then(
    (ready) => { window.client = ready; document.querySelector('#told').textContent = 'ready'; },
    (error) => { document.querySelector('#told').textContent = error.message; },
  );
</script>`);

/** Signs in as soon as it is opened, and is its own page to come back to. `client` is there once `told` says so. */
const medplum = (settings: unknown) => `<p id="told"></p><script type="module">
  import { MedplumClient } from '/medplum.mjs';
  const { scope, ...settings } = ${JSON.stringify(settings)};
  // It asks for cookies to go along, which this server permits nobody: its setting fetch is there to say otherwise.
  window.client = new MedplumClient({ ...settings, fetch: (url, init) => fetch(url, { ...init, credentials: 'omit' }) });
  const tell = (text) => { document.querySelector('#told').textContent = text; };
  const isBack = location.search.includes('code=');
  client.signInWithRedirect({ scope }).then(() => isBack && tell('ready'), (error) => tell(error.message));
</script>`;

export async function openAppPages(): Promise<AppPages> {
  const settings = new Map<string, object>();
  const asked: string[] = [];
  const files: Readonly<Record<string, () => { type: string; body: string | Buffer }>> = {
    '/fhir-client.js': () => ({ type: 'text/javascript', body: published('fhirclient/build/fhir-client.js') }),
    '/medplum.mjs': () => ({ type: 'text/javascript', body: published('@medplum/core/dist/esm/index.mjs') }),
    '/back.html': () => ({ type: 'text/html', body: comeBack }),
    '/': () => ({ type: 'text/html', body: page(medplum(settings.get('medplum'))) }),
  };
  const server = createServer(({ url }, response) => {
    const { pathname, searchParams } = new URL(url!, 'http://app');
    if (pathname.endsWith('.html')) asked.push(url!);
    const launch = JSON.stringify(settings.get(searchParams.get('app') ?? '') ?? {});
    const file =
      pathname === '/launch.html'
        ? { type: 'text/html', body: page(`${library}<script>FHIR.oauth2.authorize(${launch});</script>`) }
        : files[pathname]?.();
    response.writeHead(file ? 200 : 404, { 'content-type': `${file?.type ?? 'text/plain'}; charset=utf-8` });
    response.end(file?.body ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    redirectUri: `${origin}/back.html`,
    launchUrl: (app, query = {}) => `${origin}/launch.html?${new URLSearchParams({ app, ...query })}`,
    settings,
    asked,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
