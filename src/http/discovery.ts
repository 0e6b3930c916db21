/** Where a SMART app looks first: what the authorization server offers, for everybody; pages of registered apps may read it. https://hl7.org/fhir/smart-app-launch/conformance.html */
import { Router } from 'express';
import { type Offered, smartConfiguration } from '../smart/discovery.ts';
import { visitOf } from './app.ts';
import { sendJson } from './respond.ts';

export function discoveryRouter(offered: Offered): Router {
  const router = Router({ caseSensitive: true });
  router.get('/fhir/.well-known/smart-configuration', (request, response) => {
    const { requestId } = visitOf(response);
    sendJson(request, response, 200, smartConfiguration(offered), requestId);
  });
  return router;
}
