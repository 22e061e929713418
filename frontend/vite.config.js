// Builds the pages' one script, one style sheet, and a sprite of just the icons they use, into the Python package.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { defineConfig } from 'vite'
import { world } from './world.js'

const icons = JSON.parse(readFileSync('src/icons.json', 'utf8'))

function symbol(name) {
  const svg = readFileSync(`node_modules/@tabler/icons/icons/outline/${name}.svg`, 'utf8')
  const inner = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>'))
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replace(/\s+/g, ' ').trim()}</symbol>`
}

// Files that a page names itself: the sprite, and the script that must run before the first paint.
function plainFiles() {
  return {
    name: 'plain-files',
    generateBundle() {
      const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${icons.map(symbol).join('')}</svg>`
      const files = {
        'icons.svg': sprite,
        'theme.js': readFileSync('src/theme.js', 'utf8'),
        'sw.js': readFileSync('src/sw.js', 'utf8'),
        'world.json': world(),
      }
      const names = {}
      for (const [name, source] of Object.entries(files)) {
        const [stem, ending] = name.split('.')
        const fileName = `assets/${stem}-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.${ending}`
        this.emitFile({ type: 'asset', fileName, source })
        names[name] = { file: fileName }
      }
      this.emitFile({ type: 'asset', fileName: 'plain.json', source: JSON.stringify(names) })
    },
  }
}

export default defineConfig({
  base: '/static/',
  publicDir: false,
  plugins: [plainFiles()],
  build: {
    outDir: '../src/seenby/web/static',
    emptyOutDir: true,
    manifest: 'manifest.json',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: { input: 'src/app.js' },
  },
})
