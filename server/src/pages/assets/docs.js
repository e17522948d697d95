// Owns the search on the page of the API, and the opening of what an address leads to. Without it everything is there all the same.
;(() => {
  const field = document.querySelector('[data-filter]')
  const found = document.querySelector('[data-found]')
  const operations = [...document.querySelectorAll('details.operation')]
  const chapters = [...document.querySelectorAll('.chapter')]

  const show = () => {
    const words = field.querySelector('input').value.toLowerCase().split(/\s+/).filter(Boolean)
    for (const one of operations) {
      const text = one.dataset.find ?? one.querySelector('summary').textContent.toLowerCase()
      one.classList.toggle('no-match', !words.every((word) => text.includes(word)))
    }
    for (const chapter of chapters) {
      const own = [...chapter.querySelectorAll('details.operation')]
      const isEmpty = own.length === 0 ? words.length > 0 : own.every((one) => one.classList.contains('no-match'))
      chapter.classList.toggle('no-match', isEmpty)
    }
    const nothing = chapters.every((chapter) => chapter.classList.contains('no-match'))
    found.textContent = nothing ? found.dataset.none : ''
  }
  field.addEventListener('input', show)
  field.hidden = false

  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
    const details = target?.closest('details')
    if (!details) return
    details.open = true
    target.scrollIntoView()
  }
  addEventListener('hashchange', open)
  open()
})()
