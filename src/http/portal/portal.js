/** Starts Swagger UI on this server's own document. Requests go to this server alone, and no token outlives the page. */
const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  layout: 'BaseLayout',
  queryConfigEnabled: false,
  persistAuthorization: false,
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: -1,
  defaultModelExpandDepth: 2,
  filter: false,
  tryItOutEnabled: true,
  syntaxHighlight: { activated: true, theme: 'nord' },
  requestInterceptor(request) {
    if (new URL(request.url, location.href).origin !== location.origin) {
      throw new Error('This page sends requests to its own server only.');
    }
    // What the browser was asked for to show this page is no token for the interfaces.
    if (!request.loadSpec) request.credentials = 'omit';
    return request;
  },
  onComplete() {
    if (location.hash.length < 3) ui.layoutActions.show(['operations-tag', 'Devices'], true);
  },
});

for (const link of document.querySelectorAll('[data-operation]')) {
  link.addEventListener('click', (event) => {
    event.preventDefault();
    const [, tag, operation] = link.getAttribute('href').split('/');
    ui.layoutActions.show(['operations-tag', tag], true);
    ui.layoutActions.show(['operations', tag, operation], true);
    history.replaceState(null, '', link.getAttribute('href'));
    requestAnimationFrame(() =>
      requestAnimationFrame(() => document.getElementById(`operations-${tag}-${operation}`)?.scrollIntoView({ block: 'start' })),
    );
  });
}
