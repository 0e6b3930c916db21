/** Apps that may see my data, and a way to end it. */
import { html, named } from './html.ts';
import { type Frame, framed, instant, notice, secret } from './layout.ts';

export interface AllowedApp {
  /** client_id; posted back to end all that it was allowed. */
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970: the first time that it was allowed, the last end. */
  readonly since: number;
  readonly until?: number;
  readonly patients: readonly string[];
  /** Each scope in plain words. */
  readonly words: readonly string[];
}

export interface AppsPage {
  readonly csrf: string;
  readonly who: string;
  readonly apps: readonly AllowedApp[];
  readonly done?: string;
}

const card = (csrf: string, { id, name, since, until, patients, words }: AllowedApp) => html`
      <li class="card">
        <h2 id="app-${id}">${named(name)}</h2>
        <p class="hint">Allowed ${instant(since)}${until !== undefined && html`, ends ${instant(until)}`}${patients.map(
          (patient, at) => html`${at === 0 ? ', for ' : '; '}${named(patient)}`,
        )}</p>
        <ul class="words">${words.map((sentence) => html`<li>${sentence}</li>`)}</ul>
        <form method="post" action="/oauth/account/apps">${secret(csrf)}
          <button class="danger" name="client" value="${id}" aria-describedby="app-${id}">End its access</button>
        </form>
      </li>`;

export function apps({ csrf, who, apps, done }: AppsPage): string {
  const account: Frame['account'] = { open: 'Apps', csrf, who };
  const body = html`${notice(done)}${
    apps.length > 0
      ? html`
    <p>An app whose access you end is shut out at once. It may ask you again.</p>
    <ul class="cards">${apps.map((app) => card(csrf, app))}
    </ul>`
      : html`
    <p class="empty">You have allowed no app to see your data.</p>`
  }`;
  return framed({ title: 'Apps that may see my data', body, account, isWide: true });
}
