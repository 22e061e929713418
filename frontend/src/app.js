import '@tabler/core/dist/css/tabler.min.css'
import './app.css'
import './compose.css'
import './load-htmx.js'
import 'htmx-ext-sse/dist/sse.js'
import { copyButtons } from './copying.js'
import { watchGoing } from './going.js'
import { localHours, localWeek } from './hours.js'
import { watchBell } from './ring.js'
import './rows.js'
import { localTimes } from './times.js'

localTimes(document)
copyButtons(document)
setInterval(() => localTimes(document), 20_000)
centre(document.querySelector('.settings-nav [aria-current], .tabs [aria-current]'))
localHours(document.getElementById('hours'))
localWeek(document.getElementById('week'))
watchGoing()
if (document.querySelector('[data-editor]')) import('./compose.js').then(({ compose }) => compose())
document.addEventListener('htmx:load', (event) => {
  localTimes(event.target)
  copyButtons(event.target)
})

const bell = document.getElementById('bell')
if (bell) watchBell(bell)
const push = document.getElementById('push')
if (push) import('./push.js').then(({ pushPage }) => pushPage(push))
const newPasskey = document.getElementById('passkey-new')
if (newPasskey) import('./passkeys.js').then((passkeys) => passkeys.newPasskey(newPasskey))
const passkeyEntry = document.getElementById('passkey-entry')
if (passkeyEntry) import('./passkeys.js').then((passkeys) => passkeys.passkeyEntry(passkeyEntry))

// What a reader has unfolded stays so when a live page renews itself.
let unfolded = []
document.addEventListener('htmx:beforeSwap', (event) => {
  unfolded = [...event.detail.target.querySelectorAll('details[open][id]')].map((fold) => fold.id)
})
document.addEventListener('htmx:afterSwap', () => {
  for (const id of unfolded) document.getElementById(id)?.setAttribute('open', '')
})

// A page that could not be renewed says so, instead of quietly growing stale.
const offline = document.getElementById('offline')
document.addEventListener('htmx:sseError', () => offline?.removeAttribute('hidden'))
document.addEventListener('htmx:sseOpen', () => offline?.setAttribute('hidden', ''))

document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest('input, textarea, select')) {
    const search = document.querySelector('input[type=search]')
    if (search) {
      event.preventDefault()
      search.focus()
      search.select()
    }
  }
  if (event.key === 'Escape') closeMenus(null)
})

// Only sideways: the page itself stays where its address said.
function centre(here) {
  const box = here?.closest('.settings-nav ul, .tabs, .nav-main')
  if (!box) return
  const [at, around] = [here.getBoundingClientRect(), box.getBoundingClientRect()]
  box.scrollLeft += at.left - around.left - (around.width - at.width) / 2
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (menu === except) continue
    const hadFocus = menu.contains(document.activeElement)
    menu.removeAttribute('open')
    if (hadFocus) menu.querySelector('summary').focus()
  }
}

// A browser leaves half an item where it is; whoever goes by keys sees the whole of it.
document.addEventListener('focusin', (event) => centre(event.target))

document.addEventListener('click', (event) => closeMenus(event.target.closest('details.menu')))

bell?.addEventListener('toggle', (event) => {
  if (event.target.open) window.htmx.trigger(event.target, 'unfolded')
})

document.getElementById('theme')?.addEventListener('click', () => {
  const next = document.documentElement.dataset.bsTheme === 'dark' ? 'light' : 'dark'
  document.documentElement.dataset.bsTheme = next
  try {
    localStorage.setItem('seenby-theme', next)
  } catch {
    // a browser that keeps nothing: the choice holds for this page
  }
})
