// Owns the meter beside a new password: asks the server how hard it is to guess, once somebody stops typing. Talks to one
// address of ours. Says nothing when there is no answer: what counts is what the server says of the form.
;(() => {
  const patienceMs = 400

  const showIn = (meter, texts) => {
    const [bar, word, sentence] = ['meter', 'strong', 'span'].map((name) => meter.querySelector(name))
    return (answer) => {
      meter.hidden = answer === undefined
      bar.value = answer === undefined ? 0 : answer.score + 1
      word.textContent = answer === undefined ? '' : texts[`score_${answer.score}`]
      sentence.textContent = answer === undefined ? '' : (texts[answer.code ?? answer.warning] ?? '')
    }
  }

  const ask = async (address, question, signal) => {
    try {
      const reply = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(question),
        credentials: 'omit',
        signal,
      })
      return reply.ok ? await reply.json() : undefined
    } catch {
      return undefined
    }
  }

  for (const meter of document.querySelectorAll('[data-strength]')) {
    const input = document.getElementById(meter.dataset.strength)
    const show = showIn(meter, JSON.parse(meter.dataset.texts))
    const near = meter.dataset.near.split(' ').filter(Boolean)
    const words = () =>
      near
        .flatMap((name) => [input.form.elements[name]?.value ?? ''])
        .filter((word) => word !== '' && word.length <= 200)
    let waiting
    let asking = new AbortController()
    const measure = async () => {
      const { signal } = asking
      const answer = await ask(meter.dataset.ask, { password: input.value, context: words() }, signal)
      if (!signal.aborted) show(answer)
    }
    input.addEventListener('input', () => {
      clearTimeout(waiting)
      asking.abort()
      asking = new AbortController()
      if (input.value === '') show(undefined)
      else if (Array.from(input.value).length < input.minLength) show({ score: 0, code: 'too_short' })
      else waiting = setTimeout(() => void measure(), patienceMs)
    })
  }
})()
