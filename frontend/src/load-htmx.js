// The extension for live events looks for htmx as a global, and is loaded after this.
import htmx from 'htmx.org'

window.htmx = htmx
