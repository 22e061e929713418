// What is new shows in the tab's title, and rings where its reader asked for a sound.
export function watchBell(bell) {
  const count = document.getElementById('bell-count')
  const plain = document.title
  let known = unread(count)
  title(plain, known)
  const observer = new MutationObserver(() => {
    const now = unread(count)
    if (now > known && 'sound' in bell.dataset && !document.hidden) ring()
    known = now
    title(plain, known)
  })
  observer.observe(count, { childList: true, subtree: true, characterData: true })
}

function unread(count) {
  return Number.parseInt(count.querySelector('.count')?.textContent ?? '0', 10)
}

function title(plain, unread) {
  document.title = unread ? `(${unread}) ${plain}` : plain
}

// Two soft notes, made on the spot; a browser that allows no sound yet stays silent.
function ring() {
  const context = new AudioContext()
  if (context.state !== 'running') return void context.close()
  for (const [at, pitch] of [[0, 660], [0.12, 880]]) {
    const note = new OscillatorNode(context, { frequency: pitch })
    const volume = new GainNode(context, { gain: 0 })
    const begin = context.currentTime + at
    volume.gain.linearRampToValueAtTime(0.08, begin + 0.02)
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.3)
    note.connect(volume).connect(context.destination)
    note.start(begin)
    note.stop(begin + 0.32)
    note.onended = () => pitch === 880 && context.close()
  }
}
