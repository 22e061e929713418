// A message that goes in a few seconds can be taken back from whatever page one is on by then.
const NAME = 'seenby-going'
const STAYS = 8000 // milliseconds

function kept() {
  try {
    return sessionStorage.getItem(NAME)
  } catch {
    return null
  }
}

function keep(draft) {
  try {
    if (draft) sessionStorage.setItem(NAME, draft)
    else sessionStorage.removeItem(NAME)
  } catch {
    // a browser that keeps nothing: the message goes, and Drafts has it until then
  }
}

export function watchGoing() {
  document.addEventListener(NAME, (event) => keep(event.detail.value))
  const draft = kept()
  if (!draft || !/^[\w-]+$/.test(draft) || document.getElementById('going')) return
  const box = document.createElement('div')
  box.id = 'going'
  box.className = 'toast-box'
  box.setAttribute('role', 'status')
  document.body.append(box)
  document.addEventListener('htmx:afterSettle', () => {
    const done = box.querySelector('[data-done]')?.dataset.done
    if (!done) return
    keep(null)
    if (done !== 'failed') setTimeout(() => box.remove(), STAYS)
  })
  window.htmx.ajax('GET', `/compose/toast/${draft}`, { target: box, swap: 'innerHTML' }).catch(() => keep(null))
}
