// The live stream of a page that somebody looks at. A browser opens six connections to a server that speaks HTTP/1.1,
// so a page in the background gives its own up, or the seventh tab would wait for ever; shown again, it asks for all
// that it missed.
export class WatchedSource {
  constructor(url) {
    this.url = url
    this.readyState = EventSource.CONNECTING
    this.listeners = []
    this.onWatched = () => (document.hidden ? this.rest() : this.open())
    document.addEventListener('visibilitychange', this.onWatched)
    this.onWatched()
  }

  open() {
    if (this.source || this.readyState === EventSource.CLOSED) return
    const source = new EventSource(this.url, { withCredentials: true })
    source.onopen = (event) => {
      this.readyState = source.readyState
      this.onopen?.(event)
    }
    source.onerror = (event) => {
      this.readyState = source.readyState
      if (this.readyState === EventSource.CLOSED) this.close() // whoever made this one makes another
      this.onerror?.(event)
    }
    for (const [name, listener] of this.listeners) source.addEventListener(name, listener)
    this.source = source
  }

  rest() {
    this.source?.close()
    this.source = undefined
  }

  close() {
    document.removeEventListener('visibilitychange', this.onWatched)
    this.readyState = EventSource.CLOSED
    this.rest()
  }

  addEventListener(name, listener) {
    const heard = (event) => {
      if (event.lastEventId) {
        const at = new URL(this.url, location.href)
        at.searchParams.set('after', event.lastEventId)
        this.url = at.href
      }
      listener(event)
    }
    this.listeners.push([name, heard, listener])
    this.source?.addEventListener(name, heard)
  }

  removeEventListener(name, listener) {
    for (const one of this.listeners.filter((entry) => entry[0] === name && entry[2] === listener)) {
      this.source?.removeEventListener(name, one[1])
      this.listeners.splice(this.listeners.indexOf(one), 1)
    }
  }
}
