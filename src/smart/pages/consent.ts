/** Consent: which app asks, for whom, and each thing it asks for in plain words, to be taken away one by one. https://hl7.org/fhir/smart-app-launch/best-practices.html */
import { type Html, html, named } from './html.ts';
import { alert, framed, secret } from './layout.ts';

/** A scope that was asked for and may be granted. */
export interface AskedScope {
  /** As asked: what is posted back. */
  readonly scope: string;
  /** The sentence of `plain`. */
  readonly words: string;
  readonly kind: 'read' | 'write' | 'identity' | 'lasting';
}

export interface ConsentPage {
  readonly action: string;
  readonly csrf: string;
  /** client_name; text, whatever is in it. */
  readonly app: string;
  /** Origin or scheme that the browser is sent to afterwards. */
  readonly returnsTo: string;
  /** Who is signed in, and where somebody else may do so. */
  readonly who: string;
  /** Name of the patient that the app opens with. */
  readonly patient?: string;
  readonly encounter?: string;
  /** Ids that were chosen before, posted back. */
  readonly chosen?: { readonly patient?: string; readonly encounter?: string };
  readonly scopes: readonly AskedScope[];
  readonly failed?: string;
}

const groups: readonly (readonly [AskedScope['kind'], string])[] = [
  ['read', 'See'],
  ['write', 'See and change'],
  ['identity', 'Know who you are'],
  ['lasting', 'Stay connected'],
];

const box = ({ scope, words }: AskedScope): Html => html`
          <li><label><input type="checkbox" name="scope" value="${scope}" checked><span>${words} <code>${scope}</code></span></label></li>`;

export function consent(page: ConsentPage): string {
  const { action, csrf, app, returnsTo, who, patient, encounter, chosen = {}, scopes, failed } = page;
  const body = html`${alert(failed)}
    <dl class="facts">${
      patient !== undefined &&
      html`
      <div><dt>Patient</dt><dd>${named(patient)}</dd></div>`
    }${
      encounter !== undefined &&
      html`
      <div><dt>Encounter</dt><dd>${named(encounter)}</dd></div>`
    }
      <div><dt>You are</dt><dd>${named(who)}</dd></div>
      <div><dt>Goes back to</dt><dd>${named(returnsTo)}</dd></div>
    </dl>
    <form method="post" action="${action}">${secret(csrf)}${Object.entries(chosen).map(
      ([name, id]) => html`<input type="hidden" name="${name}" value="${id}">`,
    )}
      <p class="hint">Untick what you do not want to allow.</p>${groups.map(([kind, heading]) => {
        const asked = scopes.filter((scope) => scope.kind === kind);
        return (
          asked.length > 0 &&
          html`
      <fieldset class="scopes ${kind}">
        <legend>${heading}</legend>
        <ul>${asked.map(box)}
        </ul>
      </fieldset>`
        );
      })}${
        scopes.length === 0 &&
        html`
      <p class="empty">It asks for nothing that could be allowed.</p>`
      }
      <div class="actions"><button class="primary" name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></div>
      <p class="hint">Not ${named(who)}? <button class="link" name="decision" value="other">Sign in as somebody else</button></p>
      <p class="hint">You can take this back at any time under <a href="/oauth/account/apps">apps that may see my data</a>.</p>
    </form>`;
  const lead = html`    <p class="lead"><strong>${named(app)}</strong> asks for access.</p>
`;
  return framed({ title: 'Allow this app?', lead, body, hasFailed: failed !== undefined });
}
