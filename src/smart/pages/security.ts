/** Security settings of one user: password, second factor, passkeys, recovery codes, sessions. https://pages.nist.gov/800-63-4/sp800-63b.html */
import { field } from './field.ts';
import { type Html, html, named } from './html.ts';
import { ASSETS, alert, framed, instant, notice, press, secret } from './layout.ts';

export interface SessionRow {
  /** Names the session without opening it. */
  readonly id: string;
  readonly isThis: boolean;
  readonly since: number;
  readonly seen: number;
  /** Address and browser, where they were kept. */
  readonly from: string;
}

export interface SecurityPage {
  readonly csrf: string;
  readonly who: string;
  readonly login: string;
  /** Fewest characters of a password. */
  readonly shortest: number;
  readonly hasPassword: boolean;
  readonly hasCodes: boolean;
  readonly recoveryLeft: number;
  /** Left out where the address of this server is no name, as passkeys need one. */
  readonly passkeys?: readonly { readonly id: string; readonly name: string; readonly since: number }[];
  readonly sessions: readonly SessionRow[];
  readonly done?: string;
  readonly failed?: string;
  readonly faults?: { readonly current?: string; readonly password?: string };
}

const at = (name: string) => `/oauth/account/${name}`;

const section = (id: string, heading: string, body: Html): Html => html`
    <section class="card" aria-labelledby="${id}">
      <h2 id="${id}">${heading}</h2>${body}
    </section>`;

const passwordPart = ({ csrf, login, shortest, hasPassword, faults = {} }: SecurityPage) =>
  section(
    'password-part',
    'Password',
    html`
      <form method="post" action="${at('password')}">${secret(csrf)}
        <input type="hidden" name="login" value="${login}" autocomplete="username">${
          hasPassword &&
          field({
            name: 'current',
            label: 'Password until now',
            type: 'password',
            autocomplete: 'current-password',
            fault: faults.current,
            isRequired: true,
            maxlength: 1000,
          })
        }${field({
          name: 'password',
          label: 'New password',
          type: 'password',
          hint: `At least ${shortest} characters. Whatever signs you like; long is better than odd.`,
          autocomplete: 'new-password',
          fault: faults.password,
          isRequired: true,
          maxlength: 1000,
        })}
        <button>Change password</button>
        <p class="hint">Every other session ends with it.</p>
      </form>`,
  );

const codesPart = ({ csrf, hasCodes }: SecurityPage) =>
  section(
    'codes-part',
    'Authenticator app',
    hasCodes
      ? html`
      <p>On. Signing in with the password asks for a code as well.</p>
      ${press(at('totp-off'), csrf, html`<button class="danger">Turn off</button>`)}`
      : html`
      <p>Off. With it, who knows your password still cannot sign in.</p>
      <p><a class="button" href="${at('totp')}">Set up</a></p>`,
  );

const passkeysPart = ({ csrf, passkeys }: SecurityPage) =>
  passkeys &&
  section(
    'passkeys-part',
    'Passkeys',
    html`
      <p>Sign in with your finger, face or device instead of a password.</p>${
        passkeys.length > 0 &&
        html`
      <ul class="rows">${passkeys.map(
        ({ id, name, since }, i) => html`
        <li><p id="passkey-${i}"><strong>${named(name)}</strong> <span class="hint">added ${instant(since)}</span></p>
          ${press(at('passkey-off'), csrf, html`<button class="danger" name="id" value="${id}" aria-describedby="passkey-${i}">Remove</button>`)}</li>`,
      )}
      </ul>`
      }
      <form method="post" action="${at('passkey')}" data-passkey="create" data-options="${at('passkey-options')}">${secret(csrf)}
        <input type="hidden" name="credential">
        <button><img src="${ASSETS}/key.svg" alt="" width="20" height="20">Add a passkey</button>
        <p class="alert" role="alert" hidden></p>
        <noscript><p class="hint">A passkey needs JavaScript.</p></noscript>
      </form>`,
  );

const recoveryPart = ({ csrf, hasCodes, passkeys = [], recoveryLeft }: SecurityPage) =>
  (hasCodes || passkeys.length > 0) &&
  section(
    'recovery-part',
    'Recovery codes',
    html`
      <p>${recoveryLeft === 0 ? 'None' : recoveryLeft} left. They let you in when you have lost everything else.</p>
      ${press(at('recovery'), csrf, html`<button>New recovery codes</button>`)}
      <p class="hint">Older ones no longer work then.</p>`,
  );

const sessionsPart = ({ csrf, sessions }: SecurityPage) =>
  section(
    'sessions-part',
    'Where you are signed in',
    html`
      <ul class="rows">${sessions.map(
        ({ id, isThis, since, seen, from }, i) => html`
        <li><p id="session-${i}"><strong>${isThis ? 'This browser' : from === '' ? 'Another browser' : named(from)}</strong> <span class="hint">since ${instant(since)}, last seen ${instant(seen)}</span></p>${
          !isThis &&
          html`
          ${press(at('session-off'), csrf, html`<button class="danger" name="id" value="${id}" aria-describedby="session-${i}">End</button>`)}`
        }</li>`,
      )}
      </ul>
      ${press(at('sign-out-everywhere'), csrf, html`<button class="danger">Sign out everywhere</button>`)}
      <p class="hint">Ends all of these, this one too.</p>`,
  );

export function security(page: SecurityPage): string {
  const { csrf, who, done, failed, faults } = page;
  const body = html`${notice(done)}${alert(failed)}
    <div class="sections">${passwordPart(page)}${codesPart(page)}${passkeysPart(page)}${recoveryPart(page)}${sessionsPart(page)}
    </div>`;
  const hasFailed = failed !== undefined || faults?.current !== undefined || faults?.password !== undefined;
  const needsScript = page.passkeys !== undefined;
  return framed({
    title: 'Security',
    body,
    account: { open: 'Security', csrf, who },
    isWide: true,
    needsScript,
    hasFailed,
  });
}
