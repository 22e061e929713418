// Runs before the first paint, so that a page never flashes in the wrong colours.
;(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const chosen = () => {
    try {
      return localStorage.getItem('seenby-theme')
    } catch {
      return null
    }
  }
  const paint = () => {
    document.documentElement.dataset.bsTheme = chosen() ?? (dark.matches ? 'dark' : 'light')
  }
  dark.addEventListener('change', paint)
  addEventListener('storage', paint)
  paint()
})()
