// Owns passkeys on the hosted pages: asks the browser for one, puts its answer into the form that waits for it, and sends
// that. Shows the button only where the browser can. Talks to one address of ours: the one that says what to ask for.
;(() => {
  const {
    browserSupportsWebAuthn,
    browserSupportsWebAuthnAutofill,
    startAuthentication,
    startRegistration,
    WebAuthnAbortService,
  } = SimpleWebAuthnBrowser
  const form = document.querySelector('form[data-passkey]')
  if (!form || !browserSupportsWebAuthn()) return
  const button = document.querySelector('[data-passkey-button]')
  const status = document.querySelector('[data-passkey-status]')
  const { dataset } = form
  const create = dataset.passkey === 'create'
  /** Before the five minutes of a challenge are over. */
  const renewMs = 240_000

  const say = (text) => {
    status.textContent = text
    status.hidden = text === ''
  }

  /** What to ask the browser for; undefined when the person has to prove themselves first, and is on the way. */
  const ask = async () => {
    const headers = { 'content-type': 'application/json', ...(dataset.token && { 'x-csrf-token': dataset.token }) }
    const answer = await fetch(dataset.options, { method: 'POST', headers, body: dataset.request || '{}' })
    if (answer.status === 200) return await answer.json()
    const problem = await answer.json().catch(() => ({}))
    if (problem.code !== 'reauthentication_required') throw new Error('no options')
    location.assign(dataset.again)
    return undefined
  }

  const send = (answer) => {
    form.elements.credential.value = JSON.stringify(answer)
    form.requestSubmit()
  }

  /** The person said no, waited too long, or has nothing to show here: the browser does not tell which. */
  const isQuiet = (error) => ['NotAllowedError', 'AbortError'].includes(error.name)

  /** The button was pressed, and the browser has not answered yet. */
  let busy = false
  const run = async () => {
    busy = true
    // The list of the login field asks no more.
    WebAuthnAbortService.cancelCeremony()
    say('')
    try {
      const optionsJSON = await ask()
      if (optionsJSON) send(await (create ? startRegistration : startAuthentication)({ optionsJSON }))
    } catch (error) {
      const known = error.name === 'InvalidStateError' && dataset.known
      say(known || (isQuiet(error) ? status.dataset.cancelled : status.dataset.failed))
      busy = false
      void offer()
    }
    busy = false
  }

  /** Offers passkeys in the list of the login field, anew before the challenge is too old. */
  let renewal
  const offer = async () => {
    clearTimeout(renewal)
    if (!('autofill' in dataset) || !(await browserSupportsWebAuthnAutofill())) return
    try {
      const optionsJSON = await ask()
      // Two questions at once would end the first one, which the person is answering.
      if (busy) return
      renewal = setTimeout(() => void offer(), renewMs)
      send(await startAuthentication({ optionsJSON, useBrowserAutofill: true }))
    } catch {
      // Nobody asked for anything, so nobody is told: the button and the password are there.
    }
  }

  button.addEventListener('click', (event) => {
    event.preventDefault()
    clearTimeout(renewal)
    if (!busy) void run()
  })
  button.hidden = false
  for (const one of document.querySelectorAll('[data-passkey-off]')) one.hidden = true
  // A page that comes out of memory is as old as its challenge.
  addEventListener('pageshow', ({ persisted }) => persisted && void offer())
  void offer()
})()
