// Times in the reader's own zone: exact on hover, or in full where the page asks for it.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })
const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const STEPS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

function relative(at) {
  const seconds = Math.round((at - Date.now()) / 1000)
  if (Math.abs(seconds) < 60) return seconds > 30 ? 'in a minute' : 'just now'
  if (Math.abs(seconds) >= 7 * 86_400) return short.format(at)
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size)
  return words.format(Math.trunc(seconds / size), unit)
}

export function localTimes(within) {
  for (const time of within.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime)
    if (Number.isNaN(at.getTime())) continue
    time.title = exact.format(at)
    const text = { exact: () => short.format(at), clock: () => clock.format(at) }[time.dataset.show]?.() ?? relative(at)
    if (time.textContent !== text) time.textContent = text
  }
}
