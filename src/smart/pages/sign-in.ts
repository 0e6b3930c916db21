/** Sign in: password, passkey, outside providers; then the second factor. https://www.w3.org/WAI/WCAG22/Understanding/accessible-authentication-minimum.html */
import { field } from './field.ts';
import { html, named } from './html.ts';
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
  /** Where the script asks for options and where it posts what the authenticator says; left out, none is offered. */
  readonly passkey?: { readonly options: string; readonly action: string };
  readonly providers?: readonly { readonly name: string; readonly href: string }[];
}

const forApp = (app: string | undefined) =>
  app !== undefined &&
  html`    <p class="lead">to go on to <strong>${named(app)}</strong></p>
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
      <h2>Other ways</h2>${
        passkey &&
        html`
      <form method="post" action="${passkey.action}" data-passkey="get" data-options="${passkey.options}">${secret(csrf)}
        <input type="hidden" name="credential">
        <button>${key}<span>Sign in with a passkey</span></button>
        <p class="alert" role="alert" hidden></p>
        <noscript><p class="hint">A passkey needs JavaScript.</p></noscript>
      </form>`
      }${providers.map(
        ({ name, href }) => html`
      <a class="button" href="${href}"><span>Sign in with ${named(name)}</span></a>`,
      )}
    </div>`
    }`;
  const hasFailed = failed.login !== undefined || failed.password !== undefined || failed.whole !== undefined;
  return framed({
    title: 'Sign in',
    lead: forApp(app) || undefined,
    body,
    hasFailed,
    needsScript: passkey !== undefined,
  });
}

const key = html`<img src="${ASSETS}/key.svg" alt="" width="20" height="20">`;

export interface SecondFactorPage {
  readonly action: string;
  readonly csrf: string;
  readonly app?: string;
  readonly fault?: string;
  /** The same page for who has lost the authenticator, and the way to it and back. */
  readonly isRecovery?: boolean;
  readonly otherWay: string;
}

export function secondFactor({ action, csrf, app, fault, isRecovery = false, otherWay }: SecondFactorPage): string {
  const asked = isRecovery
    ? field({
        name: 'code',
        label: 'Recovery code',
        hint: 'One of the codes that you were given when you set this up. Each works once.',
        fault,
        autocomplete: 'off',
        isRequired: true,
        hasFocus: true,
        isPlain: true,
        maxlength: 64,
      })
    : field({
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
  const body = html`
    <form method="post" action="${action}">${secret(csrf)}${asked}
      <button class="primary">Go on</button>
    </form>
    <p class="aside"><a href="${otherWay}">${isRecovery ? 'Use the authenticator app' : 'Use a recovery code'}</a></p>`;
  const title = isRecovery ? 'Recovery code' : 'Second step';
  return framed({ title, lead: forApp(app) || undefined, body, hasFailed: fault !== undefined });
}
