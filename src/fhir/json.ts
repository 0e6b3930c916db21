/** JSON in FHIR, one door: the guard every body passes, exact surgery on its text, exact numbers. https://hl7.org/fhir/R4/json.html */
export { ExactNumber, parseExact, writeExact } from './json-exact.ts';
export { type JsonLimits, jsonLimits, type ReadJson, readJson } from './json-guard.ts';
export { itemsOf, setMember, textOf, withIdentity } from './json-text.ts';
