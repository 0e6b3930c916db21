/** The documents `/cardiac/` and `/cardiac/patients/{patient_id}`: frames without data, which come from api.ts. docs/dashboard.md */
import { type RequestHandler, Router } from 'express';
import { html } from '../../smart/pages/html.ts';
import { page, shown } from '../shell.ts';
import { words } from '../words/words.ts';

const triageKeys = [
  ['j', 'cardiac.key.next'],
  ['k', 'cardiac.key.previous'],
  ['a', 'cardiac.key.acknowledge'],
  ['u', 'cardiac.key.undo'],
  ['e', 'cardiac.key.evidence'],
  ['o', 'cardiac.key.open'],
  ['/', 'cardiac.key.search'],
  ['p', 'cardiac.key.pause'],
] as const;
const severities = ['critical', 'warning', 'info'] as const;

const triagePage = shown((look) => {
  const say = words(look.locale, 'cardiac');
  const body = html`      <div class="bar" id="figures" role="status" aria-live="off">
        <span><strong id="unreviewed">–</strong> ${say('cardiac.unreviewed')}</span>
        <span>${say('cardiac.oldest')} <strong id="oldest">–</strong></span>
        <span>${say('cardiac.median')} <strong id="median">–</strong></span>
        <span class="hint" id="shown"></span>
      </div>
      <form class="bar" id="filters" role="search" aria-label="${say('cardiac.filters')}">
        <label>${say('cardiac.severity')} <select id="by-severity"><option value="">${say('cardiac.all')}</option>${severities.map(
          (name) => html`<option value="${name}">${say(`severity.${name}`)}</option>`,
        )}</select></label>
        <label>${say('cardiac.state')} <select id="by-state"><option value="open">${say('cardiac.state.open')}</option><option value="mine">${say('cardiac.state.mine')}</option><option value="">${say('cardiac.all')}</option></select></label>
        <label>${say('cardiac.maker')} <select id="by-maker"><option value="">${say('cardiac.all')}</option></select></label>
        <label hidden>${say('cardiac.organization')} <select id="by-organization"><option value="">${say('cardiac.all')}</option></select></label>
        <label class="grow">${say('cardiac.search')} <input id="by-text" type="search" autocomplete="off" spellcheck="false" aria-keyshortcuts="/"></label>
        <button type="button" id="pause" aria-pressed="false" aria-keyshortcuts="p">${say('cardiac.pause')}</button>
      </form>
      <div id="waiting"></div>
      <div class="scroll folds triage" role="region" aria-label="${say('cardiac.title')}" tabindex="0">
        <table>
          <thead><tr>${['severity', 'patient', 'device', 'alert', 'since', 'state', 'action'].map(
            (name) => html`<th scope="col">${say(`cardiac.${name}`)}</th>`,
          )}</tr></thead>
          <tbody id="alerts"></tbody>
        </table>
      </div>
      <p class="empty" id="none" hidden>${say('cardiac.none')}</p>
      <dialog id="evidence" aria-labelledby="evidence-title">
        <h2 id="evidence-title">${say('cardiac.evidence')}</h2>
        <p><bdi id="evidence-of"></bdi></p>
        <div id="evidence-values" aria-live="polite"></div>
        <form method="dialog"><button class="primary">${say('close')}</button></form>
      </dialog>`;
  return page(say('cardiac.title'), body, {
    look,
    rooms: ['cardiac'],
    scripts: ['cardiac/triage.js'],
    styles: ['cardiac/cardiac.css'],
    open: '/cardiac/',
    keys: triageKeys,
  });
});

const patientPage = shown((look) => {
  const say = words(look.locale, 'cardiac');
  const body = html`      <p><a id="back" href="/cardiac/">${say('cardiac.back')}</a></p>
      <p class="fault" id="fault" role="alert" hidden></p>
      <div id="chart" hidden>
        <div class="bar"><h2 id="person"></h2> <span id="mrn" tabindex="-1"></span>
          <button type="button" id="csv" title="${say('cardiac.csv.of')}">${say('cardiac.csv')}</button>
          <button type="button" id="print">${say('cardiac.print')}</button></div>
        <section class="cards" id="devices" aria-label="${say('cardiac.devices')}"></section>
        <section class="card" aria-labelledby="rate-title">
          <div class="bar"><h2 id="rate-title">${say('cardiac.rate')}</h2>
            <label>${say('cardiac.span')} <select id="hours">${[24, 168, 720].map(
              (hours) => html`<option value="${hours}">${say(`cardiac.span.${hours}`)}</option>`,
            )}</select></label>
          </div>
          <div id="rate"></div>
          <div class="multiples" id="vitals"></div>
        </section>
        <section class="card" aria-labelledby="slow-title"><h2 id="slow-title">${say('cardiac.slow')}</h2><div class="multiples" id="slow"></div></section>
        <section class="card" aria-labelledby="strip-title"><h2 id="strip-title">${say('cardiac.strips')}</h2><div id="strips"></div></section>
        <section class="card" aria-labelledby="reports-title" hidden><h2 id="reports-title">${say('cardiac.reports')}</h2><div class="bar" id="reports"></div></section>
        <section class="card" aria-labelledby="history-title"><h2 id="history-title">${say('cardiac.history')}</h2><ol class="timeline" id="history"></ol></section>
      </div>`;
  return page(say('cardiac.patient-title'), body, {
    look,
    rooms: ['cardiac'],
    scripts: ['cardiac/patient.js'],
    styles: ['vendor/uplot.css', 'cardiac/cardiac.css'],
    open: '/cardiac/',
    keys: [['b', 'cardiac.key.back']],
  });
});

/** Mounted at /cardiac, before the JSON: a document needs nobody, and every address that is none of these goes on. */
export function cardiacPages(): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.get('/', triagePage);
  router.get('/patients/:patient_id', patientPage);
  return router;
}
