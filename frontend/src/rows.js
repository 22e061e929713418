// Rows of a list that changed at the same time are fetched together: each says for itself that it wants to be renewed
// (and without this script would fetch itself), and one request is under way at most.
const GATHER = 30 // milliseconds
const MOST = 100
const waiting = new Set()
let isBusy = false
let timer

document.addEventListener('htmx:confirm', (event) => {
  if (!event.target.matches('.sent-row')) return
  event.preventDefault()
  waiting.add(event.target.id.slice('row-'.length))
  timer ??= setTimeout(renew, GATHER)
})

async function renew() {
  timer = undefined
  if (isBusy || !waiting.size) return
  const messages = [...waiting].slice(0, MOST)
  for (const message of messages) waiting.delete(message)
  const asked = new URLSearchParams(messages.map((message) => ['message', message]))
  isBusy = true
  try {
    await window.htmx.ajax('GET', `/rows?${asked}`, { target: 'body', swap: 'none' })
  } finally {
    isBusy = false
    timer ??= setTimeout(renew, GATHER)
  }
}
