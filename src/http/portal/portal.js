/** Starts Swagger UI on this server's own document. Requests go to this server alone, and no token outlives the page. */
import { beginSignIn, endSignIn, finishSignIn } from './sign-in.js';

/** Examples as of now: moved together so that the newest is this minute. A reading of last year would raise no flag. */
function asOfNow(text) {
  const instant = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"/g;
  const newest = Math.max(...Array.from(text.matchAll(instant), ([, written]) => Date.parse(written)));
  const move = Math.floor((Date.now() - newest) / 60_000) * 60_000;
  return text.replace(instant, (_, written) => `"${new Date(Date.parse(written) + move).toISOString().slice(0, 19)}Z"`);
}

// First, as Swagger UI looks at the address too.
const signedIn = finishSignIn();
const answer = await fetch('/openapi.json');
if (!answer.ok) document.getElementById('swagger-ui').textContent = `The document of this server answered ${answer.status}.`;

/** Long answers, such as the CapabilityStatement, stay without colours: painting them takes longer than reading them. */
const plainWhenLong = () => ({
  wrapComponents: {
    SyntaxHighlighter: (Painted, { React }) => (props) =>
      String(props.children).length > 20_000
        ? React.createElement('pre', { className: 'microlight' }, props.children)
        : React.createElement(Painted, props),
  },
});

const spec = JSON.parse(asOfNow(await answer.text()));
const find = (name) => document.querySelector(`[data-${name}]`);

function tell(where, words, isProblem = false) {
  find(where).textContent = words;
  find(where).toggleAttribute('data-problem', isProblem);
}

let token;
/** Swagger UI breaks on a scheme that it has nothing for. */
const forget = (scheme) => ui.authSelectors.authorized().has(scheme) && ui.authActions.logout([scheme]);

const ui = SwaggerUIBundle({
  spec,
  dom_id: '#swagger-ui',
  layout: 'BaseLayout',
  plugins: [plainWhenLong],
  queryConfigEnabled: false,
  persistAuthorization: false,
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: -1,
  defaultModelExpandDepth: 2,
  tryItOutEnabled: true,
  syntaxHighlight: { activated: true, theme: 'nord' },
  requestInterceptor(request) {
    if (new URL(request.url, location.href).origin !== location.origin) {
      throw new Error('This page sends requests to its own server only.');
    }
    // What the browser was asked for to show this page is no token for the interfaces.
    request.credentials = 'omit';
    return request;
  },
  onComplete() {
    welcome();
    if (location.hash.length < 3) ui.layoutActions.show(['operations-tag', 'Devices'], true);
  },
});

/** Scrolls there once the operation has unfolded, which takes Swagger UI a few frames. */
function scrollTo(id, frames = 60) {
  const element = document.getElementById(id);
  if (element?.classList.contains('is-open')) setTimeout(() => element.scrollIntoView({ block: 'start' }), 100);
  else if (frames > 0) requestAnimationFrame(() => scrollTo(id, frames - 1));
}

for (const link of document.querySelectorAll('[data-operation]')) {
  link.addEventListener('click', (event) => {
    event.preventDefault();
    const [, tag, operation] = link.getAttribute('href').split('/');
    ui.layoutActions.show(['operations-tag', tag], true);
    ui.layoutActions.show(['operations', tag, operation], true);
    history.replaceState(null, '', link.getAttribute('href'));
    scrollTo(`operations-${tag}-${operation}`);
  });
}

document.querySelector('[data-authorize]').addEventListener('click', (event) => {
  event.preventDefault();
  document.querySelector('.swagger-ui .btn.authorize')?.click();
});

async function welcome() {
  if (spec.components.securitySchemes.accessToken === undefined) return;
  document.querySelector('.person').hidden = false;
  const came = await signedIn.catch(() => ({ problem: 'The server could not be asked. Try again.' }));
  if (came?.problem) tell('status', came.problem, true);
  if (came?.token === undefined) return;
  token = came.token;
  forget('adminToken');
  ui.preauthorizeApiKey('accessToken', token);
  showSignedIn(true);
  const until = new Date(came.until).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  tell('status', `Signed in as ${came.who} until ${until}.`);
  setTimeout(() => leave('The sign-in has ended. Sign in again.'), came.until - Date.now());
}

function showSignedIn(isSignedIn) {
  find('sign-in').hidden = isSignedIn;
  find('sign-out').hidden = !isSignedIn;
}

function leave(words) {
  if (token === undefined) return;
  token = undefined;
  forget('accessToken');
  showSignedIn(false);
  tell('status', words);
}

find('sign-in').addEventListener('click', beginSignIn);
find('sign-out').addEventListener('click', () => {
  endSignIn(token).catch(() => {});
  leave('Signed out.');
  find('sign-in').focus();
});

find('device-key').addEventListener('submit', (event) => {
  event.preventDefault();
  const field = document.getElementById('device-key');
  const key = field.value.trim();
  if (key === '') {
    forget('deviceKey');
    tell('key-status', 'No key is used.');
  } else {
    ui.preauthorizeApiKey('deviceKey', key);
    tell('key-status', 'This key is used for the device routes.');
  }
  field.value = '';
});

find('access').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('access').scrollIntoView({ block: 'center' });
  document.querySelector('#access button:not([hidden])').focus({ preventScroll: true });
});
