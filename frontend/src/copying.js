// "Copy" beside what is to be typed elsewhere. Without this script the text can be marked and copied by hand.
const WORD = 'Copy'

export function copyButtons(root) {
  for (const code of root.querySelectorAll('[data-copy]')) {
    if (code.nextElementSibling?.classList.contains('copy')) continue
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'btn-quiet copy'
    button.textContent = WORD
    button.setAttribute('aria-label', `${WORD} ${code.dataset.copy || code.textContent.slice(0, 40)}`)
    button.addEventListener('click', () => copy(code, button))
    code.after(button)
  }
}

async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent)
    button.textContent = 'Copied'
  } catch {
    // plain http from another machine: browsers keep the clipboard shut, so what is to be copied is marked
    window.getSelection().selectAllChildren(code)
    button.textContent = 'Marked: press Ctrl+C'
  }
  setTimeout(() => (button.textContent = WORD), 2500)
}
