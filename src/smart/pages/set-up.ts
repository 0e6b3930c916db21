/** Setting up the authenticator app, and the recovery codes that come of it: in the account, or on the way in where a role demands it. */
import { field } from './field.ts';
import { type Html, html, named } from './html.ts';
import { type Frame, framed, secret } from './layout.ts';
import { qrSvg } from './qr.ts';
import { carried } from './sign-in.ts';

export interface SetUpCodesPage {
  readonly action: string;
  readonly csrf: string;
  /** In the account; else it is on the way to an app. */
  readonly account?: Frame['account'];
  readonly app?: string;
  /** Of the sign-in that waits for it. */
  readonly handle?: string;
  /** In base32, for who cannot take a picture. */
  readonly key: string;
  /** `otpauth://totp/...` https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
  readonly uri: string;
  readonly fault?: string;
}

const leadOf = ({ account, app }: SetUpCodesPage): Html | undefined =>
  account
    ? undefined
    : html`    <p class="lead">What you may do here asks for a second factor${app !== undefined && html`, before you go on to <strong>${named(app)}</strong>`}.</p>
`;

export function setUpCodes(page: SetUpCodesPage): string {
  const { action, csrf, account, handle, key, uri, fault } = page;
  const body = html`
    <ol class="steps">
      <li><p>Take a picture of this with your authenticator app, or type the key into it.</p>
        <div class="qr">${qrSvg(uri, 'The key as a QR code')}</div>
        <p>Key <code class="key">${key.replace(/(.{4})(?=.)/g, '$1 ')}</code></p></li>
      <li><p>Type the six digits that the app shows then.</p>
    <form method="post" action="${action}">${secret(csrf)}${carried(handle)}<input type="hidden" name="uri" value="${uri}">${field(
      {
        name: 'code',
        label: 'Code',
        fault,
        autocomplete: 'one-time-code',
        inputmode: 'numeric',
        isRequired: true,
        isPlain: true,
        maxlength: 16,
      },
    )}
      <div class="actions"><button class="primary">Turn on</button>${
        account && html`<a class="button plain" href="/oauth/account/security">Leave it off</a>`
      }</div>
    </form></li>
    </ol>`;
  return framed({
    title: 'Set up the authenticator app',
    lead: leadOf(page),
    body,
    account,
    isWide: true,
    hasFailed: fault !== undefined,
  });
}

export interface RecoveryCodesPage {
  readonly account?: Frame['account'];
  readonly codes: readonly string[];
  readonly onward: string;
}

export function recoveryCodes({ account, codes, onward }: RecoveryCodesPage): string {
  const body = html`
    <p class="notice" role="status">These are shown once. Keep them where you keep keys: each lets you in once when you have lost everything else. Older ones no longer work.</p>
    <ul class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
    <p><a class="button" href="${onward}">I have kept them</a></p>`;
  return framed({ title: 'Your recovery codes', body, account, isWide: true });
}
