// The editor and what stands around it. Loaded by pages where something is written, and by no other.
import { Editor } from '@tiptap/core'
import { Placeholder } from '@tiptap/extensions'
import StarterKit from '@tiptap/starter-kit'
import { offerPeople } from './people.js'

const COMMANDS = {
  bold: (chain) => chain.toggleBold(),
  italic: (chain) => chain.toggleItalic(),
  underline: (chain) => chain.toggleUnderline(),
  heading: (chain) => chain.toggleHeading({ level: 2 }),
  bulletList: (chain) => chain.toggleBulletList(),
  orderedList: (chain) => chain.toggleOrderedList(),
  blockquote: (chain) => chain.toggleBlockquote(),
  undo: (chain) => chain.undo(),
  redo: (chain) => chain.redo(),
}

function writable(box) {
  const plain = box.querySelector('textarea')
  const kept = box.querySelector('input[name=html]')
  const place = document.createElement('div')
  place.className = 'written-box'
  plain.before(place)
  plain.hidden = true
  const editor = new Editor({
    element: place,
    injectCSS: false, // our pages take no inline style
    extensions: [
      StarterKit.configure({
        heading: { levels: [1, 2, 3] },
        link: { openOnClick: false, autolink: true, protocols: ['mailto', 'tel'], HTMLAttributes: { rel: null, target: null } },
      }),
      Placeholder.configure({ placeholder: plain.placeholder }),
    ],
    content: kept.dataset.html,
    editorProps: {
      // The server decides what is kept; this only spares the browser what its policy for pages refuses anyway.
      transformPastedHTML: (html) => html.replace(/\s(?:on\w+|style)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)/gi, ''),
      attributes: { class: 'written prose', role: 'textbox', 'aria-multiline': 'true', 'aria-label': box.dataset.label },
    },
    onUpdate: ({ editor: changed }) => {
      kept.value = changed.getHTML()
      kept.dispatchEvent(new Event('input', { bubbles: true }))
    },
  })
  kept.value = editor.getHTML()
  tools(box, editor)
}

function tools(box, editor) {
  const bar = box.querySelector('.tools')
  const buttons = [...bar.querySelectorAll('[data-command]')]
  const link = linkBar(box, editor)
  bar.hidden = false
  const show = () => {
    for (const button of buttons) {
      const name = button.dataset.command
      if (button.hasAttribute('aria-pressed')) button.setAttribute('aria-pressed', String(editor.isActive(name)))
      if (name === 'undo') button.setAttribute('aria-disabled', String(!editor.can().undo()))
      if (name === 'redo') button.setAttribute('aria-disabled', String(!editor.can().redo()))
    }
  }
  editor.on('transaction', show)
  show()
  bar.addEventListener('mousedown', (event) => event.preventDefault()) // the selection stays
  bar.addEventListener('click', (event) => {
    const button = event.target.closest('[data-command]')
    if (!button) return
    if (button.dataset.command === 'link') link()
    else COMMANDS[button.dataset.command](editor.chain().focus()).run()
  })
  // One stop for the Tab key, arrows within (WAI-ARIA APG, toolbar).
  bar.addEventListener('keydown', (event) => {
    const at = buttons.indexOf(document.activeElement)
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key]
    if (next === undefined || at < 0) return
    event.preventDefault()
    const to = buttons[(next + buttons.length) % buttons.length]
    for (const button of buttons) button.tabIndex = button === to ? 0 : -1
    to.focus()
  })
  box.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      link()
    }
  })
}

function linkBar(box, editor) {
  const bar = box.querySelector('.link-bar')
  const field = bar.querySelector('[data-link-address]')
  const close = () => {
    bar.hidden = true
    editor.commands.focus()
  }
  const set = () => {
    const typed = field.value.trim()
    if (!typed) return close()
    const href = /^[a-z][a-z0-9+.-]*:/i.test(typed) ? typed : /^[^\s/]+@[^\s/]+$/.test(typed) ? `mailto:${typed}` : `https://${typed}`
    const chain = editor.chain().focus().extendMarkRange('link')
    if (editor.state.selection.empty && !editor.isActive('link')) {
      chain.insertContent([{ type: 'text', text: typed, marks: [{ type: 'link', attrs: { href } }] }]).run()
    } else chain.setLink({ href }).run()
    close()
  }
  bar.addEventListener('click', (event) => {
    const what = event.target.closest('[data-link]')?.dataset.link
    if (what === 'set') set()
    if (what === 'unset') {
      editor.chain().focus().extendMarkRange('link').unsetLink().run()
      close()
    }
  })
  field.addEventListener('input', (event) => event.stopPropagation()) // no part of the message
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault()
      set()
    }
    if (event.key === 'Escape') {
      event.stopPropagation()
      close()
    }
  })
  return () => {
    if (!bar.hidden) return close()
    field.value = editor.getAttributes('link').href ?? ''
    bar.hidden = false
    field.focus()
    field.select()
  }
}

// ---- files

function files(form) {
  const input = form.querySelector('[data-files]')
  const list = form.querySelector('#files')
  if (!input || !list) return
  let turn = Promise.resolve()
  const add = (chosen) => {
    for (const file of chosen) turn = turn.then(() => upload(file))
  }
  const upload = (file) =>
    new Promise((done) => {
      const line = document.createElement('p')
      line.className = 'uploading small'
      const name = document.createElement('span')
      name.textContent = file.name
      const bar = document.createElement('progress')
      bar.max = 1
      bar.value = 0
      bar.setAttribute('aria-label', `How much of ${file.name} is there`)
      line.append(name, bar)
      list.after(line)
      const end = (said) => {
        line.remove()
        if (said) {
          const note = document.createElement('p')
          note.className = 'notice bad'
          note.setAttribute('role', 'alert')
          note.textContent = said
          list.append(note)
        }
        done()
      }
      if (file.size > Number(list.dataset.most)) {
        return end(`“${file.name}” is too much: all files together may have ${Math.floor(list.dataset.most / 1_048_576)} MB.`)
      }
      const body = new FormData()
      body.append('draft', list.dataset.draft)
      body.append('file', file)
      const request = new XMLHttpRequest()
      request.open('POST', '/compose/files')
      request.setRequestHeader('HX-Request', 'true')
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) bar.value = event.loaded / event.total
      }
      request.onload = () => {
        if (request.status !== 200) return end(`“${file.name}” was not added. Try again.`)
        list.innerHTML = request.responseText // our own server's, which escapes names
        window.htmx.process(list)
        end('')
      }
      request.onerror = () => end(`“${file.name}” was not added: the connection was lost. Try again.`)
      request.send(body)
    })
  input.addEventListener('change', (event) => {
    event.stopPropagation()
    add([...input.files])
    input.value = ''
  })
  const card = form.querySelector('.letter-card')
  form.querySelector('.drop-hint').hidden = false
  const isFiles = (event) => [...event.dataTransfer.types].includes('Files')
  card.addEventListener('dragover', (event) => {
    if (!isFiles(event)) return
    event.preventDefault()
    card.classList.add('dropping')
  })
  card.addEventListener('dragleave', () => card.classList.remove('dropping'))
  card.addEventListener(
    'drop',
    (event) => {
      card.classList.remove('dropping')
      if (!isFiles(event)) return
      event.preventDefault()
      event.stopPropagation() // the editor would take it as well
      add([...event.dataTransfer.files])
    },
    true,
  )
}

// ---- the rest of the form

function letter(form) {
  const more = form.querySelector('[data-show=copies]')
  const copies = form.querySelector('#copies')
  if (more && copies) {
    copies.hidden = true
    more.hidden = false
    more.addEventListener('click', () => {
      copies.hidden = false
      more.hidden = true
      copies.querySelector('input').focus()
    })
  }
  const zone = form.querySelector('[data-zone-field]')
  if (zone && !('keep' in zone.dataset)) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value
  let isOpen = false
  document.addEventListener('htmx:afterSettle', () => {
    const fold = document.getElementById('fields-fold')
    if (fold && !isOpen && document.querySelector('#fields table')) {
      isOpen = true
      fold.open = true
    }
    const problems = document.querySelector('#problems[data-look]')
    if (problems) {
      problems.removeAttribute('data-look')
      problems.focus()
      problems.scrollIntoView({ block: 'center' })
    }
  })
  // What was typed in the last second is saved when the page is left.
  let isDirty = false
  form.addEventListener('input', () => (isDirty = true))
  form.addEventListener('submit', () => (isDirty = false))
  form.addEventListener('htmx:afterRequest', () => (isDirty = false))
  addEventListener('pagehide', () => {
    if (!isDirty) return
    const body = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === 'string'))
    fetch('/compose/save', { method: 'POST', body, keepalive: true, redirect: 'manual' }).catch(() => {})
  })
}

export function compose() {
  for (const box of document.querySelectorAll('[data-editor]')) writable(box)
  const form = document.getElementById('letter')
  if (form) {
    files(form)
    letter(form)
    for (const field of form.querySelectorAll('[data-people]')) offerPeople(field)
  }
}
