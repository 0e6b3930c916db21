/** Signs the person at the portal in as any SMART app does: code flow, PKCE, a random state. The token is in this page's memory alone. https://hl7.org/fhir/smart-app-launch/app-launch.html */

const CLIENT = 'watchfire-portal';
const STAFF = 'openid fhirUser user/*.cruds';
/** A patient can have no scope of the other kind: who turns out to be one is asked once more, without another password. */
const PATIENT = 'openid fhirUser launch/patient patient/*.cruds';
/** What has to be known again after the way to the sign-in and back: no token, and gone once that is done. */
const KEPT = 'watchfire-sign-in';

const text64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => text64(crypto.getRandomValues(new Uint8Array(32)));

/** Leaves for the sign-in; comes back to this page. */
export const beginSignIn = () => begin(STAFF, location.hash);

async function begin(scope, hash) {
  const [state, verifier] = [random(), random()];
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const here = `${location.origin}${location.pathname}`;
  sessionStorage.setItem(KEPT, JSON.stringify({ state, verifier, here, hash, scope }));
  const asked = {
    response_type: 'code',
    client_id: CLIENT,
    redirect_uri: here,
    scope,
    state,
    aud: `${location.origin}/fhir`,
    code_challenge: text64(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  };
  location.assign(`/oauth/authorize?${new URLSearchParams(asked)}`);
}

/** Words for the person out of an ID token that came straight from our own token endpoint. */
function whoIn(idToken) {
  if (idToken === undefined) return 'somebody';
  const [, claims] = idToken.split('.');
  const { fhirUser, sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(claims.replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0))));
  return fhirUser?.split('/').slice(-2).join('/') ?? sub;
}

const send = (path, members) =>
  fetch(path, { method: 'POST', credentials: 'omit', body: new URLSearchParams({ client_id: CLIENT, ...members }) });

/**
 * What came of it, if this page was just come back to: `{ token, who, until }`, or `{ problem }` in words. What the address
 * said is taken out of it, and out of the history, before anything else.
 */
export async function finishSignIn() {
  const back = new URLSearchParams(location.search);
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null');
  if (!back.has('state')) return undefined;
  sessionStorage.removeItem(KEPT);
  history.replaceState(null, '', location.pathname + (kept?.hash ?? ''));
  if (kept === null || back.get('state') !== kept.state || back.get('iss') !== location.origin) {
    return { problem: 'That answer belongs to no sign-in of this page.' };
  }
  if (back.has('error')) {
    return { problem: back.get('error') === 'access_denied' ? 'You did not allow it.' : `Refused: ${back.get('error')}.` };
  }
  const answer = await send('/oauth/token', {
    grant_type: 'authorization_code',
    code: back.get('code'),
    redirect_uri: kept.here,
    code_verifier: kept.verifier,
  });
  const token = await answer.json();
  if (!answer.ok) return { problem: `Refused: ${token.error}.` };
  const who = whoIn(token.id_token);
  if (kept.scope === STAFF && who.startsWith('Patient/')) {
    await begin(PATIENT, kept.hash);
    return undefined;
  }
  return { token: token.access_token, who, until: Date.now() + token.expires_in * 1_000 };
}

/** The token opens nothing any more; the session of the browser stays. */
export const endSignIn = (token) => send('/oauth/revoke', { token });
