/** The one thing that a page cannot do by itself: ask the device for a passkey. https://www.w3.org/TR/webauthn-3/ */

const said = {
  NotAllowedError: 'That was not finished. You can try again.',
  InvalidStateError: 'This device has a passkey here already.',
  SecurityError: 'Passkeys do not work at this address.',
};

async function asked(form) {
  const answer = await fetch(form.dataset.options, {
    method: 'POST',
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: 'application/json' },
  });
  if (!answer.ok) throw new Error(answer.status === 429 ? 'Too many attempts. Wait a minute.' : 'This page is too old. Load it again.');
  return answer.json();
}

async function credentialFor(form) {
  const options = await asked(form);
  return form.dataset.passkey === 'create'
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

for (const form of document.querySelectorAll('[data-passkey]')) {
  const button = form.querySelector('button');
  const alert = form.querySelector('[role=alert]');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    alert.hidden = true;
    try {
      if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error('This browser cannot use passkeys here.');
      const credential = await credentialFor(form);
      form.elements.credential.value = JSON.stringify(credential);
      form.submit();
    } catch (error) {
      alert.textContent = said[error.name] ?? error.message;
      alert.hidden = false;
      button.disabled = false;
      button.focus();
    }
  });
}
