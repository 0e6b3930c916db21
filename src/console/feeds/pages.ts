/** The documents `/feeds` and `/quarantine`: frames without data, which come from api.ts. docs/dashboard.md */
import type { RequestHandler } from 'express';
import { html } from '../../smart/pages/html.ts';
import { page, shown } from '../shell.ts';
import { words } from '../words/words.ts';

const columns = ['name', 'health', 'success', 'failure', 'counts', 'more'] as const;

export const feedsPage: RequestHandler = shown((look) => {
  const say = words(look.locale, 'feeds');
  const body = html`      <p class="fault" id="fault" role="alert" hidden></p>
      <div id="feeds" hidden>
        <div class="bar" id="figures" role="status" aria-live="off">
          <span><strong id="failing">–</strong> ${say('feeds.need')}</span>
          <span><a id="to-quarantine" href="/quarantine"><strong id="quarantined">–</strong> ${say('feeds.quarantined')}</a></span>
          <span class="hint" id="checked"></span>
          <button type="button" id="pause" aria-pressed="false" aria-keyshortcuts="p">${say('feeds.pause')}</button>
        </div>
        <div class="scroll folds feeds" role="region" aria-label="${say('feeds.title')}" tabindex="0">
          <table>
            <thead><tr>${columns.map((name) => html`<th scope="col">${say(`feeds.${name}`)}</th>`)}</tr></thead>
            <tbody id="rows"></tbody>
          </table>
        </div>
        <p class="hint">${say('feeds.since')}</p>
      </div>`;
  return page(say('feeds.title'), body, {
    look,
    rooms: ['feeds'],
    scripts: ['feeds/feeds.js'],
    styles: ['feeds/feeds.css'],
    open: '/feeds',
    keys: [
      ['j', 'feeds.key.next'],
      ['k', 'feeds.key.previous'],
      ['o', 'feeds.key.open'],
      ['p', 'feeds.key.pause'],
    ],
  });
});

const codes = ['no-patient', 'no-device', 'unreadable', 'implausible', 'unmapped', 'conflict', 'refused'] as const;
const states = ['open', 'taken-in', 'discarded'] as const;

export const quarantinePage: RequestHandler = shown((look) => {
  const say = words(look.locale, 'quarantine');
  const all = html`<option value="">${say('quarantine.all')}</option>`;
  const body = html`      <p class="fault" id="fault" role="alert" hidden></p>
      <div id="quarantine" hidden>
        <form class="bar" id="filters" role="search" aria-label="${say('quarantine.filters')}">
          <label>${say('quarantine.state')} <select id="by-state">${states.map(
            (name) => html`<option value="${name}">${say(`quarantine.state.${name}`)}</option>`,
          )}${all}</select></label>
          <label>${say('quarantine.feed')} <select id="by-feed">${all}</select></label>
          <label>${say('quarantine.reason')} <select id="by-code">${all}${codes.map(
            (name) => html`<option value="${name}">${say(`quarantine.code.${name}`)}</option>`,
          )}</select></label>
          <label class="grow">${say('quarantine.search')} <input id="by-text" type="search" autocomplete="off" spellcheck="false" aria-keyshortcuts="/"></label>
        </form>
        <div class="bar">
          <span class="hint" id="shown" role="status"></span>
          <button type="button" id="back" aria-keyshortcuts="b">${say('quarantine.back')}</button>
          <button type="button" id="further" aria-keyshortcuts="n">${say('quarantine.further')}</button>
          <button type="button" id="again">${say('quarantine.again')}</button>
          <span id="changed" role="status" hidden></span>
        </div>
        <div class="scroll folds aside" role="region" aria-label="${say('quarantine.title')}" tabindex="0">
          <table>
            <thead><tr>${['when', 'feed', 'reason', 'about', 'state', 'action'].map(
              (name) => html`<th scope="col">${say(`quarantine.${name}`)}</th>`,
            )}</tr></thead>
            <tbody id="rows"></tbody>
          </table>
        </div>
        <p class="empty" id="none" hidden>${say('quarantine.none')}</p>
      </div>
      <dialog id="one" class="wide" aria-labelledby="one-title">
        <h2 id="one-title"></h2>
        <p id="one-reason"></p>
        <dl class="facts" id="one-facts"></dl>
        <div class="bar" id="one-ask">
          <button type="button" id="show">${say('quarantine.show')}</button>
          <span class="hint">${say('quarantine.audited')}</span>
        </div>
        <div id="came" hidden>
          <label for="payload">${say('quarantine.payload')}</label>
          <textarea id="payload" rows="10" spellcheck="false" autocomplete="off"></textarea>
          <p class="hint" id="payload-hint"></p>
        </div>
        <p class="fault" id="one-fault" role="alert"></p>
        <div id="deeds">
          <div class="bar">
            <button type="button" class="primary" id="retry" data-writes>${say('quarantine.retry')}</button>
          </div>
          <form class="bar" id="aside-form">
            <label class="grow">${say('quarantine.why')} <input id="why" required maxlength="200" autocomplete="off"></label>
            <button id="discard" data-writes>${say('quarantine.discard')}</button>
          </form>
        </div>
        <form method="dialog"><button>${say('close')}</button></form>
      </dialog>`;
  return page(say('quarantine.title'), body, {
    look,
    rooms: ['quarantine'],
    scripts: ['quarantine/quarantine.js'],
    styles: ['quarantine/quarantine.css'],
    open: '/quarantine',
    keys: [
      ['j', 'quarantine.key.next'],
      ['k', 'quarantine.key.previous'],
      ['o', 'quarantine.key.open'],
      ['n', 'quarantine.key.further'],
      ['b', 'quarantine.key.back'],
      ['/', 'quarantine.key.search'],
    ],
  });
});
