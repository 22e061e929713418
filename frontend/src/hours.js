// A week of hours, put from UTC into the reader's own zone, and said so.
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const SHADES = 4
const ENOUGH = 5
const QUARTER = 900_000

function most(counts) {
  return counts.indexOf(Math.max(...counts))
}

const clock = (hour) => `${String(hour % 24).padStart(2, '0')}:00`

export function localHours(within) {
  const cells = within ? [...within.querySelectorAll('[data-cell]')] : []
  if (!cells.length) return
  const counts = new Map()
  const days = Array(7).fill(0)
  const hours = Array(24).fill(0)
  const quarters = within.dataset.quarters.split(' ')
  for (const quarter of quarters) {
    const at = new Date(Number(quarter) * QUARTER)
    const day = (at.getDay() + 6) % 7
    const cell = `${day}-${at.getHours()}`
    counts.set(cell, (counts.get(cell) ?? 0) + 1)
    days[day] += 1
    hours[at.getHours()] += 1
  }
  const fullest = Math.max(...counts.values())
  for (const rect of cells) {
    const [day, hour] = rect.dataset.cell.split('-')
    const count = counts.get(rect.dataset.cell) ?? 0
    rect.setAttribute('class', `h${Math.ceil((SHADES * count) / fullest)}`)
    rect.firstElementChild.textContent = `${DAYS[day]} ${clock(hour)}: ${count}`
  }
  const hour = most(hours)
  const usual = `Most often on ${DAYS[most(days)]}, and between ${clock(hour)} and ${clock(hour + 1)}.`
  within.querySelector('[data-usual]').textContent = quarters.length < ENOUGH ? '' : usual
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  within.querySelector('[data-zone]').textContent = zone ? `your time zone, ${zone}` : 'your time zone'
}

// The same for a report, whose hours come as `opens clicks` from Monday midnight UTC on.
export function localWeek(within) {
  if (!within?.dataset.week) return
  const shift = Math.round(-new Date().getTimezoneOffset() / 60)
  const told = within.dataset.week.split(',').map((one) => one.split(' ').map(Number))
  const week = told.map((_, at) => told[(at - shift + told.length) % told.length])
  const fullest = Math.max(...week.map(([opens, clicks]) => opens + clicks))
  within.querySelectorAll('rect').forEach((rect, at) => {
    const [opens, clicks] = week[at]
    const hour = at % 24
    rect.setAttribute('class', `h${fullest ? Math.ceil((SHADES * (opens + clicks)) / fullest) : 0}`)
    rect.firstElementChild.textContent = `${DAYS[Math.floor(at / 24)]} ${clock(hour)} to ${clock(hour + 1)}: ${opens} opens, ${clicks} clicks`
  })
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  within.querySelector('[data-zone]').textContent = zone ? `your time zone, ${zone}` : 'your time zone'
}
