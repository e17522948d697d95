// Owns what is nicer with JavaScript on the hosted pages: every page works without it. Never talks to the network.
;(() => {
  const root = document.documentElement
  const all = (selector) => [...document.querySelectorAll(selector)]
  const remember = (theme) => {
    try {
      if (theme) localStorage.setItem('kw_theme', theme)
      else localStorage.removeItem('kw_theme')
    } catch {
      // Storage may be forbidden; the switch then lasts as long as the page.
    }
  }

  const prefersDark = matchMedia('(prefers-color-scheme: dark)')
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : prefersDark.matches)
  for (const button of all('[data-theme-switch]')) {
    const label = () => {
      const text = isDark() ? button.dataset.toLight : button.dataset.toDark
      button.setAttribute('aria-label', text)
      button.title = text
    }
    button.addEventListener('click', () => {
      const theme = isDark() ? 'light' : 'dark'
      root.dataset.theme = theme
      remember((theme === 'dark') === prefersDark.matches ? undefined : theme)
      label()
    })
    prefersDark.addEventListener('change', label)
    label()
    button.hidden = false
  }

  for (const button of all('[data-reveal]')) {
    const input = document.getElementById(button.dataset.reveal)
    const show = (shown) => {
      input.type = shown ? 'text' : 'password'
      const text = shown ? button.dataset.hide : button.dataset.show
      button.setAttribute('aria-label', text)
      button.title = text
      button.classList.toggle('shown', shown)
    }
    button.addEventListener('click', () => show(input.type === 'password'))
    // A shown password must not be kept as ordinary text by the browser's form history.
    input.form.addEventListener('submit', () => show(false))
    show(false)
    button.hidden = false
  }

  const quietMs = 8000
  const release = (form) => form.removeAttribute('aria-busy')
  for (const form of all('form[method=post]')) {
    form.addEventListener('submit', (event) => {
      if (form.hasAttribute('aria-busy')) event.preventDefault()
      form.setAttribute('aria-busy', 'true')
      setTimeout(() => release(form), quietMs)
    })
  }
  // The back button may bring the page out of memory just as it was left.
  addEventListener('pageshow', () => {
    for (const form of all('form[aria-busy]')) release(form)
  })

  for (const button of all('[data-copy]')) {
    // Browsers offer the clipboard to https and loopback pages only.
    if (!('clipboard' in navigator)) continue
    const text = button.textContent
    button.setAttribute('aria-live', 'polite')
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent)
      button.textContent = button.dataset.done
      setTimeout(() => {
        button.textContent = text
      }, 2000)
    })
    button.hidden = false
  }

  for (const button of all('[data-print]')) {
    button.addEventListener('click', () => print())
    button.hidden = false
  }

  const local = new Intl.DateTimeFormat(root.lang, { dateStyle: 'medium', timeStyle: 'short' })
  for (const time of all('time[datetime]')) time.textContent = local.format(new Date(time.dateTime))
})()
