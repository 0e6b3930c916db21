/** Sign in: password, passkey, outside providers; then the second factor. https://www.w3.org/WAI/WCAG22/Understanding/accessible-authentication-minimum.html */
import { field } from './field.ts';
import { type Html, html, named } from './html.ts';
import { ASSETS, alert, framed, secret } from './layout.ts';

/** What is said about an attempt that failed; never which half was wrong. */
export interface Failed {
  readonly login?: string;
  readonly password?: string;
  /** Not about a field: too many attempts, a passkey that is none of ours. */
  readonly whole?: string;
}

export interface SignInPage {
  readonly action: string;
  readonly csrf: string;
  /** client_name of the app that waits; none where somebody opens their account. */
  readonly app?: string;
  readonly login?: string;
  readonly failed?: Failed;
  /** Left out, none is offered. */
  readonly passkey?: PasskeyWay;
  readonly providers?: readonly { readonly name: string; readonly href: string }[];
}

const forApp = (app: string | undefined): Html | undefined =>
  app === undefined
    ? undefined
    : html`    <p class="lead">to go on to <strong>${named(app)}</strong></p>
`;

export function signIn({ action, csrf, app, login, failed = {}, passkey, providers = [] }: SignInPage): string {
  const isEmpty = login === undefined || login === '';
  const body = html`${alert(failed.whole)}
    <form method="post" action="${action}">${secret(csrf)}${field({
      name: 'login',
      label: 'User name',
      value: login,
      fault: failed.login,
      autocomplete: 'username',
      isRequired: true,
      hasFocus: isEmpty,
      isPlain: true,
      maxlength: 200,
    })}${field({
      name: 'password',
      label: 'Password',
      type: 'password',
      fault: failed.password,
      autocomplete: 'current-password',
      isRequired: true,
      hasFocus: !isEmpty,
      maxlength: 1000,
    })}
      <button class="primary">Sign in</button>
    </form>${
      (passkey || providers.length > 0) &&
      html`
    <div class="ways">
      <h2>Other ways</h2>${passkey && passkeyForm(passkey, csrf)}${providers.map(
        ({ name, href }) => html`
      <a class="button" href="${href}"><span>Sign in with ${named(name)}</span></a>`,
      )}
    </div>`
    }`;
  const hasFailed = failed.login !== undefined || failed.password !== undefined || failed.whole !== undefined;
  return framed({
    title: 'Sign in',
    lead: forApp(app),
    body,
    hasFailed,
    needsScript: passkey !== undefined,
  });
}

const key = html`<img src="${ASSETS}/key.svg" alt="" width="20" height="20">`;

/** The script asks for options at one address, and posts what the authenticator says to the other. */
export interface PasskeyWay {
  readonly options: string;
  readonly action: string;
}

export const carried = (handle: string | undefined): Html | undefined =>
  handle === undefined ? undefined : html`<input type="hidden" name="handle" value="${handle}">`;

const passkeyForm = ({ options, action }: PasskeyWay, csrf: string, handle?: string): Html => html`
      <form method="post" action="${action}" data-passkey="get" data-options="${options}">${secret(csrf)}${carried(handle)}
        <input type="hidden" name="credential">
        <button>${key}<span>${handle === undefined ? 'Sign in with a passkey' : 'Use a passkey'}</span></button>
        <p class="alert" role="alert" hidden></p>
        <noscript><p class="hint">A passkey needs JavaScript.</p></noscript>
      </form>`;

export interface SecondFactorPage {
  readonly action: string;
  readonly csrf: string;
  /** Of the sign-in under way. */
  readonly handle: string;
  readonly app?: string;
  readonly fault?: string;
  /** What the user has. */
  readonly offers: { readonly codes: boolean; readonly recovery: boolean; readonly passkey?: PasskeyWay };
  /** For who has lost everything else. */
  readonly isRecovery?: boolean;
}

const codeField = (fault: string | undefined): Html =>
  field({
    name: 'code',
    label: 'Code',
    hint: 'The six digits that your authenticator app shows now.',
    fault,
    autocomplete: 'one-time-code',
    inputmode: 'numeric',
    isRequired: true,
    hasFocus: true,
    isPlain: true,
    maxlength: 16,
  });

const recoveryField = (fault: string | undefined): Html =>
  field({
    name: 'code',
    label: 'Recovery code',
    hint: 'One of the codes that you were given when you set this up. Each works once.',
    fault,
    autocomplete: 'off',
    isRequired: true,
    hasFocus: true,
    isPlain: true,
    maxlength: 64,
  });

export function secondFactor(page: SecondFactorPage): string {
  const { action, csrf, handle, app, fault, offers, isRecovery = false } = page;
  const { codes, recovery, passkey } = offers;
  const other = (value: string, words: string) =>
    html`
      <button class="plain" name="with" value="${value}" formnovalidate>${words}</button>`;
  const body = html`${!codes && !isRecovery && alert(fault)}${
    (codes || isRecovery) &&
    html`
    <form method="post" action="${action}">${secret(csrf)}${carried(handle)}${isRecovery && html`<input type="hidden" name="kind" value="recovery">`}${isRecovery ? recoveryField(fault) : codeField(fault)}
      <button class="primary">Go on</button>${
        isRecovery
          ? (codes || passkey) && other('codes', 'Use something else')
          : recovery && other('recovery', 'Use a recovery code')
      }
    </form>`
  }${
    passkey &&
    !isRecovery &&
    html`
    <div class="ways">
      <h2>${codes ? 'Or' : 'Your passkey'}</h2>${passkeyForm(passkey, csrf, handle)}${
        !codes &&
        recovery &&
        html`
      <form method="post" action="${action}">${secret(csrf)}${carried(handle)}${other('recovery', 'Use a recovery code')}
      </form>`
      }
    </div>`
  }`;
  return framed({
    title: isRecovery ? 'Recovery code' : 'Second step',
    lead: forApp(app),
    body,
    hasFailed: fault !== undefined,
    needsScript: passkey !== undefined,
  });
}
