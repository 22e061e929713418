// The notifications' page: what this browser can do, and saying to Seenby that it is allowed.
const ACTIONS = '/settings/notifications/browsers'

export async function pushPage(card) {
  const state = document.getElementById('push-state')
  const button = document.getElementById('push-on')
  const zone = document.querySelector('select[data-detect]')
  if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
  if (!window.isSecureContext) {
    state.textContent = 'Browsers show notifications only for pages with https, or on this very machine.'
    return
  }
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) {
    state.textContent = 'This browser cannot show notifications. On an iPhone, add this page to the home screen first.'
    return
  }
  await show()
  button.addEventListener('click', async () => {
    button.disabled = true
    try {
      await allow(card.dataset.key)
      location.reload()
    } catch (error) {
      state.textContent = `This browser was not added: ${error.message}. Nothing was changed.`
      button.disabled = false
    }
  })

  async function show() {
    const registration = await navigator.serviceWorker.getRegistration('/')
    const subscription = await registration?.pushManager.getSubscription()
    const isDenied = Notification.permission === 'denied'
    button.hidden = isDenied || Boolean(subscription)
    if (isDenied) state.textContent = 'You have refused notifications in this browser. Its settings for this page can allow them again.'
    else if (subscription) state.textContent = 'This browser shows notifications.'
    else state.textContent = 'This browser does not show notifications yet.'
  }
}

async function allow(key) {
  if ((await Notification.requestPermission()) !== 'granted') throw new Error('it was not allowed')
  const registration = await navigator.serviceWorker.register('/sw.js', { scope: '/' })
  await navigator.serviceWorker.ready
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  const { endpoint, keys } = subscription.toJSON()
  const answer = await fetch(ACTIONS, { method: 'POST', body: new URLSearchParams({ endpoint, ...keys }) })
  if (!answer.ok) {
    await subscription.unsubscribe()
    throw new Error(answer.status === 409 ? 'too many browsers are on the list; remove one' : 'its push service is not known')
  }
}
