/** One labelled field of a form, with what is wrong about it beside it. https://www.w3.org/WAI/tutorials/forms/ */
import { type Html, html } from './html.ts';

export interface Field {
  readonly name: string;
  readonly label: string;
  /** Said before something is typed. */
  readonly hint?: string;
  /** What is wrong with what was sent. The first field that has one gets the focus. */
  readonly fault?: string;
  readonly type?: 'text' | 'password' | 'date' | 'search';
  readonly value?: string;
  /** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill */
  readonly autocomplete: string;
  readonly isRequired?: boolean;
  readonly hasFocus?: boolean;
  readonly inputmode?: 'numeric' | 'text' | 'email';
  readonly maxlength?: number;
  /** Names and codes are not prose. */
  readonly isPlain?: boolean;
}

export function field(asked: Field): Html {
  const { name, label, hint, fault, type = 'text', value, autocomplete, inputmode, maxlength } = asked;
  const described = [hint !== undefined && `${name}-hint`, fault !== undefined && `${name}-fault`].filter(Boolean);
  return html`
      <div class="field">
        <label for="${name}">${label}</label>${
          hint !== undefined &&
          html`
        <p class="hint" id="${name}-hint">${hint}</p>`
        }
        <input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}"${value !== undefined && html` value="${value}"`}${
          described.length > 0 && html` aria-describedby="${described.join(' ')}"`
        }${fault !== undefined && html` aria-invalid="true"`}${asked.isRequired && html` required`}${
          (fault !== undefined || asked.hasFocus) && html` autofocus`
        }${inputmode !== undefined && html` inputmode="${inputmode}"`}${maxlength !== undefined && html` maxlength="${maxlength}"`}${
          asked.isPlain && html` autocapitalize="none" autocorrect="off" spellcheck="false"`
        }>${
          fault !== undefined &&
          html`
        <p class="fault" id="${name}-fault" role="alert">${fault}</p>`
        }
      </div>`;
}
