/** Where a SMART app looks first: what the authorization server offers, for everybody and from any page. https://hl7.org/fhir/smart-app-launch/conformance.html */
import { Router } from 'express';
import { type Offered, smartConfiguration } from '../smart/discovery.ts';
import { visitOf } from './app.ts';
import { sendJson } from './respond.ts';

const readableByAll = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };

export function discoveryRouter(offered: Offered): Router {
  const router = Router({ caseSensitive: true });
  router.get('/fhir/.well-known/smart-configuration', (request, response) => {
    const { requestId } = visitOf(response);
    sendJson(request, response, 200, smartConfiguration(offered), requestId, readableByAll);
  });
  router.options('/fhir/.well-known/smart-configuration', (request, response) => {
    const asked = {
      'Access-Control-Allow-Methods': 'GET, HEAD',
      'Access-Control-Allow-Headers': 'Accept, Authorization',
    };
    sendJson(request, response, 204, {}, visitOf(response).requestId, {
      ...readableByAll,
      ...asked,
      'Access-Control-Max-Age': '600',
    });
  });
  return router;
}
