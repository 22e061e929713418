// Shows notifications while no page is open. It caches nothing and answers no request.
self.addEventListener('push', (event) => {
  const told = event.data ? event.data.json() : {}
  event.waitUntil(
    self.registration.showNotification(told.title || 'Seenby', {
      body: told.body || '',
      tag: told.tag || 'seenby',
      data: { path: ours(told.path) },
    }),
  )
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data.path))
})

// What a browser makes of an address is asked of the browser: to it a backslash is a slash, and a tab is nothing.
function ours(path) {
  const home = self.location.origin
  try {
    const url = new URL(typeof path === 'string' ? path : '/', home)
    return url.origin === home ? url.href : home
  } catch {
    return home
  }
}

async function open(path) {
  const pages = await self.clients.matchAll({ type: 'window' })
  const page = pages.find((one) => 'focus' in one)
  if (!page) return self.clients.openWindow(path)
  await page.focus()
  return page.navigate(path)
}

// A browser may renew its address by itself; the page that is opened next says the new one.
