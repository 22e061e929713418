// Shows notifications while no page is open. It caches nothing and answers no request.
self.addEventListener('push', (event) => {
  const told = event.data ? event.data.json() : {}
  event.waitUntil(
    self.registration.showNotification(told.title || 'Seenby', {
      body: told.body || '',
      tag: told.tag || 'seenby',
      data: { path: typeof told.path === 'string' && told.path.startsWith('/') && !told.path.startsWith('//') ? told.path : '/' },
    }),
  )
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data.path))
})

async function open(path) {
  const pages = await self.clients.matchAll({ type: 'window' })
  const page = pages.find((one) => 'focus' in one)
  if (!page) return self.clients.openWindow(path)
  await page.focus()
  return page.navigate(path)
}

// A browser may renew its address by itself; the page that is opened next says the new one.
