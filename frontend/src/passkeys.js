// Passkeys: asks Seenby for a question, has the device answer it, and sends the answer as the form's own field.
const AGAIN = 4 * 60_000 // a question is good for five minutes; an open sign-in page asks for a fresh one before

const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0))
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

function canDo(form) {
  return window.isSecureContext && 'PublicKeyCredential' in window && location.origin === form.dataset.at
}

async function question(address) {
  const answer = await fetch(address, { method: 'POST' })
  const told = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(told.error ?? 'Seenby did not answer. Load the page again, and try once more.')
  return told
}

// A device's answer as JSON. Browsers have toJSON() for this; some add-ins that stand in for the device do not.
function written(made) {
  const { response } = made
  const told = { id: made.id, rawId: text(made.rawId), type: made.type, response: { clientDataJSON: text(response.clientDataJSON) } }
  for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (response[name]) told.response[name] = text(response[name])
  }
  return JSON.stringify(told)
}

function send(form, made) {
  form.elements.credential.value = written(made)
  form.submit()
}

// Why the device gave nothing, in words. Browsers call nearly everything NotAllowedError, so as to tell pages little.
function why(error) {
  if (error.name === 'InvalidStateError') return 'This device has a passkey here already.'
  if (error.name === 'NotAllowedError') return 'Nothing was done: it was called off, took too long, or this device has no passkey with a PIN, fingerprint or face for this page.'
  if (error.name === 'SecurityError' || error.name === 'NotSupportedError') return 'This browser offers no passkeys for this page.'
  return error.message
}

export function newPasskey(form) {
  const said = document.getElementById('passkey-said')
  if (!canDo(form)) {
    said.textContent = 'This browser offers no passkeys for this page.'
    form.querySelector('button').disabled = true
    return
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    said.textContent = 'Your browser asks you now…'
    try {
      const asked = await question(`${form.getAttribute('action')}/ask`)
      asked.challenge = bytes(asked.challenge)
      asked.user.id = bytes(asked.user.id)
      asked.excludeCredentials = (asked.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }))
      send(form, await navigator.credentials.create({ publicKey: asked }))
    } catch (error) {
      said.textContent = why(error)
    }
  })
}

export function passkeyEntry(form) {
  if (!canDo(form)) return
  form.hidden = false
  const said = document.getElementById('passkey-said')
  let waiting = new AbortController()
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    waiting.abort()
    said.textContent = 'Your browser asks you now…'
    try {
      send(form, await navigator.credentials.get({ publicKey: await asked() }))
    } catch (error) {
      said.textContent = why(error)
      offer()
    }
  })
  offer()

  async function asked() {
    const told = await question('/sign-in/passkey/ask')
    return { ...told, challenge: bytes(told.challenge), allowCredentials: [] }
  }

  // Beside the addresses that the browser offers to fill in, where it can.
  async function offer() {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
    const mine = (waiting = new AbortController())
    const later = setTimeout(() => {
      if (mine.signal.aborted) return
      mine.abort()
      whenShown(offer)
    }, AGAIN)
    try {
      send(form, await navigator.credentials.get({ publicKey: await asked(), mediation: 'conditional', signal: mine.signal }))
    } catch {
      clearTimeout(mine.signal.aborted ? undefined : later) // the button is still there
    }
  }
}

function whenShown(act) {
  if (document.visibilityState === 'visible') act()
  else document.addEventListener('visibilitychange', () => whenShown(act), { once: true })
}
