/** Starts Swagger UI on this server's own document. Requests go to this server alone, and no token outlives the page. */

/** Examples as of now: moved together so that the newest is this minute. A reading of last year would raise no flag. */
function asOfNow(text) {
  const instant = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"/g;
  const newest = Math.max(...Array.from(text.matchAll(instant), ([, written]) => Date.parse(written)));
  const move = Math.floor((Date.now() - newest) / 60_000) * 60_000;
  return text.replace(instant, (_, written) => `"${new Date(Date.parse(written) + move).toISOString().slice(0, 19)}Z"`);
}

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

const ui = SwaggerUIBundle({
  spec: JSON.parse(asOfNow(await answer.text())),
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
