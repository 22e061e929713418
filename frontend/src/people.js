// Offers people whom the team has written to before while an address is typed: arrows choose, Enter or Tab takes.
// A list box with a text field as in the ARIA practices; the package does the keys and the roles.
import Combobox from '@github/combobox-nav'

const FEWEST = 2 // characters
const WAIT = 150 // milliseconds without another key

// The address that is being typed: what stands around the cursor between commas, outside of quotes.
function piece(field) {
  const at = field.selectionStart ?? field.value.length
  let from = 0
  let isQuoted = false
  for (let place = 0; place < at; place++) {
    const one = field.value[place]
    if (one === '"' && field.value[place - 1] !== '\\') isQuoted = !isQuoted
    if (!isQuoted && (one === ',' || one === ';')) from = place + 1
  }
  const rest = field.value.slice(at).search(/[,;]/)
  return { from, to: rest < 0 ? field.value.length : at + rest, words: field.value.slice(from, at).trim() }
}

export function offerPeople(field) {
  const list = document.createElement('ul')
  list.className = 'people-offered'
  list.id = `people-${field.id}`
  list.hidden = true
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', 'People you wrote to')
  const around = field.closest('.letter-field')
  around.append(list)
  const keys = new Combobox(field, list)
  let timer
  let asked = 0

  const close = () => {
    clearTimeout(timer)
    asked++
    if (list.hidden) return
    list.hidden = true
    keys.stop()
    list.replaceChildren()
  }

  const show = (people) => {
    close()
    list.replaceChildren(...people.map((one, at) => option(one, `${list.id}-${at}`)))
    if (!people.length) return
    list.hidden = false
    // An address that is typed out is meant as it stands: Tab must not make another of it.
    keys.firstOptionSelectionMode = piece(field).words.includes('@') ? 'none' : 'selected'
    keys.start()
  }

  const ask = async () => {
    const { words } = piece(field)
    const mine = ++asked
    if (words.length < FEWEST) return show([])
    const answer = await fetch(`/compose/people?words=${encodeURIComponent(words.slice(0, 200))}`).catch(() => null)
    const people = answer?.ok ? await answer.json().catch(() => []) : []
    const there = field.value.toLowerCase()
    if (mine === asked && document.activeElement === field) show(people.filter((one) => !there.includes(one.address.toLowerCase())))
  }

  field.addEventListener('input', (event) => {
    if (event.detail === 'offered') return close()
    clearTimeout(timer)
    timer = setTimeout(ask, WAIT)
  })
  field.addEventListener('blur', close)
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || list.hidden) return
    event.stopPropagation()
    close()
  })
  list.addEventListener('mousedown', (event) => event.preventDefault()) // the field keeps the cursor
  list.addEventListener('combobox-commit', (event) => {
    const { from, to } = piece(field)
    const before = field.value.slice(0, from)
    const after = field.value.slice(to).replace(/^[,;]\s*/, '')
    const begun = `${before}${before && !before.endsWith(' ') ? ' ' : ''}${event.target.dataset.typed}, `
    field.value = begun + after
    field.setSelectionRange(begun.length, begun.length)
    close()
    field.dispatchEvent(new CustomEvent('input', { bubbles: true, detail: 'offered' }))
  })
  if (document.activeElement === field && field.value) ask() // somebody was quicker than this script
}

function option(person, id) {
  const line = document.createElement('li')
  line.setAttribute('role', 'option')
  line.id = id
  line.dataset.typed = person.typed
  if (person.name) {
    const name = document.createElement('b')
    name.textContent = person.name
    line.append(name, ' ')
  }
  const address = document.createElement('span')
  address.textContent = person.address
  address.className = person.name ? 'soft' : ''
  line.append(address)
  return line
}
