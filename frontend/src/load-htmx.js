// The extension for live events looks for htmx as a global, and is loaded after this.
import htmx from 'htmx.org'
import { WatchedSource } from './live.js'

window.htmx = htmx
window.htmx.createEventSource = (url) => new WatchedSource(url)
