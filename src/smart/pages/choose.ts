/** Choose the patient, then the encounter, that an app opens with. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { field } from './field.ts';
import { type Html, html, named } from './html.ts';
import { alert, framed, secret } from './layout.ts';

/** What tells two people of the same name apart; '' where the record does not say. */
export interface PatientRow {
  readonly id: string;
  readonly name: string;
  readonly birthDate: string;
  readonly gender: string;
  readonly identifier: string;
}

export interface PatientSearch {
  readonly name: string;
  readonly birthdate: string;
  readonly identifier: string;
}

interface Choosing {
  readonly action: string;
  readonly csrf: string;
  readonly app: string;
  readonly who: string;
  readonly failed?: string;
  /** Names the page after this one. */
  readonly next?: string;
  /** Whether this is not the first page. */
  readonly isLater?: boolean;
}

export interface ChoosePatientPage extends Choosing {
  /** Where a search is posted: what is searched for is in no address, and so in no history. */
  readonly search: string;
  readonly asked: PatientSearch;
  /** What is wrong about what was searched for, beside its field. */
  readonly faults?: Partial<PatientSearch>;
  readonly rows: readonly PatientRow[];
}

const forWhom = ({
  app,
  who,
}: Choosing) => html`    <p class="lead"><strong>${named(app)}</strong> opens with what you choose. You are ${named(who)}.</p>
`;

/** Buttons of a form of its own, which asks once more for what this page answers. */
const pager = (
  { csrf, next, isLater = false }: Choosing,
  action: string,
  asked: readonly (readonly [string, string])[],
) =>
  (next !== undefined || isLater) &&
  html`
    <form method="post" action="${action}" class="pager" aria-label="Pages of the list">${secret(csrf)}${asked.map(
      ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
    )}${isLater && html`<button>First page</button>`}${
      next !== undefined && html`<button name="page" value="${next}">Next page</button>`
    }</form>`;

/** Each a button of its own: one press chooses. */
const choice = (name: string, value: string, head: Html, facts: readonly (string | false)[]): Html => {
  const said = facts.filter((fact) => fact !== '' && fact !== false);
  return html`
        <li><button class="choice" name="${name}" value="${value}"><strong>${head}</strong>${
          said.length > 0 && html` <span>${said.map((fact, i) => [i > 0 && ' · ', html`<bdi>${fact}</bdi>`])}</span>`
        }</button></li>`;
};

/** Last on the page, whatever stands before it. */
const otherwise = ({ action, csrf }: Choosing, before: Html | undefined = undefined): Html => html`
    <form method="post" action="${action}" class="actions">${secret(csrf)}${before}<button class="plain" name="decision" value="deny">Do not open the app</button></form>`;

export function choosePatient(page: ChoosePatientPage): string {
  const { action, search, csrf, asked, faults = {}, rows, failed } = page;
  const isNarrowed = asked.name !== '' || asked.birthdate !== '' || asked.identifier !== '';
  const body = html`${alert(failed)}
    <form method="post" action="${search}" role="search" aria-label="Patients" class="search">${secret(csrf)}${field({
      name: 'name',
      label: 'Name',
      type: 'search',
      value: asked.name,
      fault: faults.name,
      autocomplete: 'off',
      hasFocus: !isNarrowed,
      isPlain: true,
      maxlength: 100,
    })}${field({
      name: 'birthdate',
      label: 'Birth date',
      type: 'date',
      value: asked.birthdate,
      fault: faults.birthdate,
      autocomplete: 'off',
    })}${field({
      name: 'identifier',
      label: 'Identifier',
      type: 'search',
      value: asked.identifier,
      fault: faults.identifier,
      autocomplete: 'off',
      isPlain: true,
      maxlength: 200,
    })}
      <button>Search</button>
    </form>
    <form method="post" action="${action}">${secret(csrf)}
      <h2>${isNarrowed ? 'Found' : 'Patients you may see'}</h2>${
        rows.length > 0
          ? html`
      <ul class="choices">${rows.map(({ id, name, birthDate, gender, identifier }) =>
        choice('patient', id, name === '' ? html`No name` : named(name), [
          birthDate && `born ${birthDate}`,
          gender,
          identifier,
        ]),
      )}
      </ul>`
          : html`
      <p class="empty" role="status">${isNarrowed ? 'None of the patients you may see is like that.' : 'There is no patient you may see.'}</p>`
      }
    </form>${pager(page, search, Object.entries(asked))}${otherwise(page)}`;
  return framed({
    title: 'Choose a patient',
    lead: forWhom(page),
    body,
    isWide: true,
    hasFailed: failed !== undefined,
  });
}

export interface EncounterRow {
  readonly id: string;
  /** What kind of encounter, in words. */
  readonly kind: string;
  readonly status: string;
  /** From and to, as recorded. */
  readonly period: string;
}

export interface ChooseEncounterPage extends Choosing {
  /** Where the next page is asked for. */
  readonly more: string;
  readonly patient: string;
  readonly rows: readonly EncounterRow[];
}

export function chooseEncounter(page: ChooseEncounterPage): string {
  const { action, more, csrf, patient, rows, failed } = page;
  const body = html`${alert(failed)}
    <form method="post" action="${action}">${secret(csrf)}
      <h2>Encounters of ${named(patient)}</h2>${
        rows.length > 0
          ? html`
      <ul class="choices">${rows.map(({ id, kind, status, period }) =>
        choice('encounter', id, named(kind === '' ? 'Encounter' : kind), [period, status]),
      )}
      </ul>`
          : html`
      <p class="empty">There is no encounter you may see.</p>`
      }
    </form>${pager(page, more, [])}${otherwise(page, html`<button name="encounter" value="">Go on without an encounter</button>`)}`;
  return framed({
    title: 'Choose an encounter',
    lead: forWhom(page),
    body,
    isWide: true,
    hasFailed: failed !== undefined,
  });
}
