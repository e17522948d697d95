/**
 * Owns what people see: whole pages as text, made from plain values. Never decides, fetches or remembers anything.
 * Every page works without JavaScript. Start reading at `homePage`.
 */
import { decodeJwt } from 'jose'
import { type Html, html } from './html.ts'
import type { Settings } from './settings.ts'
import type { SignedIn } from './sign-in.ts'

export type Notice = { kind: 'good' | 'info' | 'bad'; title: string; text: string }

/** What came of calling the API; `status` is undefined when it could not be reached. */
export type ApiAnswer = {
  status: number | undefined
  www_authenticate: string | undefined
  body: string
  at: Date
  tookMs: number
}

type View = { settings: Settings; csrf: string; notice: Notice | undefined }
type SignedInView = View & { signedIn: SignedIn; apiAnswer: ApiAnswer | undefined; now: Date }

/** The start, for somebody who is not signed in. */
export const homePage = ({ settings, csrf, notice }: View): string =>
  page('Demo application', [
    noticeBox(notice),
    html`<section class="card hero">
  <h1>A small application that leaves signing in to Keywright</h1>
  <p class="lead">It has no password field and no user table. It sends you to Keywright, which tells it who you are and
  gives it a token for an API. Every step is plain OpenID Connect, and none needs JavaScript.</p>
  ${button({ address: '/sign-in', csrf, label: 'Sign in with Keywright', look: 'primary large' })}
  <p class="hint">No account yet? Keywright printed a one-time setup link in the terminal when it first started
  (<code>${settings.issuer}/setup…</code>). Open that link first; it makes you the administrator.</p>
</section>
<section class="card">
  <h2>What happens, step by step</h2>
  <ol class="steps">${steps(settings)}</ol>
</section>`,
  ])

/** The start, for somebody who is signed in: who they are, the tokens, and what can be done with them. */
export const signedInPage = (view: SignedInView): string =>
  page('Signed in · Demo application', [
    noticeBox(view.notice),
    personCard(view.signedIn),
    view.apiAnswer && apiCard(view.apiAnswer),
    actionsCard(view),
    tokensCard(view),
    claimsCard(view.signedIn),
  ])

/** Something went wrong: what, and the way back. */
export const problemPage = (title: string, text: string): string =>
  page(`${title} · Demo application`, [
    html`<section class="card hero"><h1>${title}</h1><p class="lead">${text}</p>
<p><a class="button primary" href="/">Back to the start</a></p></section>`,
  ])

/** A time of day as people read it. */
export const timeOf = (instant: Date): string => instant.toLocaleTimeString('en-GB')

const page = (title: string, parts: (Html | undefined)[]): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header class="bar"><a href="/"><img src="/icon.svg" alt="" width="28" height="28">Demo application</a></header>
<main>
${parts.filter((part) => part !== undefined)}
</main>
<footer>The whole source is in <code>examples/demo</code>; <code>sign-in.ts</code> is the part to copy.</footer>
</body>
</html>
`.markup

const noticeBox = (notice: Notice | undefined): Html | undefined =>
  notice &&
  html`<div class="notice ${notice.kind}" role="${notice.kind === 'bad' ? 'alert' : 'status'}"><strong>${notice.title}</strong> ${notice.text}</div>`

const steps = ({ issuer, resource }: Settings): Html[] => [
  html`<li><b>You press the button.</b> This application makes a random state, nonce and PKCE verifier, and sends your
  browser to <code>${issuer}/oauth/authorize</code>.</li>`,
  html`<li><b>You sign in at Keywright.</b> Your password never comes here.</li>`,
  html`<li><b>You are asked for consent.</b> You see what this application wants, and may say no.</li>`,
  html`<li><b>Your browser comes back with a code.</b> It is good once, for one minute, and only together with this
  application’s secret and the verifier.</li>`,
  html`<li><b>The code becomes tokens.</b> The ID token says who you are and is checked against Keywright’s public keys;
  the rest comes from UserInfo.</li>`,
  html`<li><b>You call an API.</b> <code>${resource}</code> accepts the access token that was made for it, until it
  expires or until you sign out everywhere.</li>`,
]

const personCard = ({ claims, userInfo }: SignedIn): Html => {
  const name = userInfo.name ?? userInfo.preferred_username ?? userInfo.email ?? claims.sub
  const verified = userInfo.email_verified ? html` <span class="tag">verified</span>` : undefined
  return html`<section class="card person">
  <span class="initial" aria-hidden="true">${Array.from(name)[0]?.toUpperCase()}</span>
  <div><h1>Hello, ${name}</h1>
  <p>${userInfo.email ?? 'no e-mail address'}${verified}</p></div>
</section>`
}

const apiCard = ({ status, www_authenticate, body, at, tookMs }: ApiAnswer): Html => {
  const look = status === 200 ? 'good' : 'bad'
  const challenge = www_authenticate && html`<dt>WWW-Authenticate</dt><dd><code>${www_authenticate}</code></dd>`
  const advice =
    status === 401 &&
    html`<p>The token has expired or was revoked. Refresh the tokens; when that is refused too, your sign-in is over.</p>`
  return html`<section class="card" id="api" aria-label="Answer of the API">
  <h2>The API said <span class="tag ${look}">${status ?? 'nothing'}</span></h2>
  <p class="hint"><code>GET /api/hello</code> at ${timeOf(at)}, ${tookMs} ms</p>
  <dl>${challenge || undefined}<dt>Body</dt><dd><pre>${indented(body)}</pre></dd></dl>
  ${advice || undefined}
</section>`
}

const actionsCard = ({ csrf }: View): Html => html`<section class="card">
  <h2>What you can do</h2>
  <ul class="actions">${actions.map((item) => actionItem(item, csrf))}</ul>
  <p class="hint">To see the last one work, sign in from a private window as well. Sign out everywhere here, then call the
  API there.</p>
</section>`

type Action = { title: string; text: string; address: string; label: string; look?: string }

const actions: Action[] = [
  {
    title: 'Call the protected API',
    text: 'With the access token. It answers 200 while the token lives.',
    address: '/call-api',
    label: 'Call the API',
    look: 'primary',
  },
  {
    title: 'Refresh the tokens',
    text: 'New access and refresh tokens, without asking you.',
    address: '/refresh',
    label: 'Refresh',
  },
  {
    title: 'Sign in again',
    text: 'Asks for a new proof that it is you (prompt=login).',
    address: '/sign-in-again',
    label: 'Sign in again',
  },
  {
    title: 'Sign out',
    text: 'Of this application and of Keywright, in this browser.',
    address: '/sign-out',
    label: 'Sign out',
  },
  {
    title: 'Sign out everywhere',
    text: 'Every device, every application; all access tokens die within two seconds. Keywright asks you first: choose “Sign out everywhere” there, too.',
    address: '/sign-out-everywhere',
    label: 'Sign out everywhere',
    look: 'danger',
  },
]

const actionItem = ({ title, text, ...form }: Action, csrf: string): Html =>
  html`<li><div><b>${title}</b><p>${text}</p></div>${button({ ...form, csrf })}</li>`

const tokensCard = ({ signedIn: { tokens, claims }, now }: SignedInView): Html => {
  const access = payloadOf(tokens.access_token)
  const renewed = tokens.refreshes === 0 ? 'not used yet' : `used ${tokens.refreshes} ×, replaced each time`
  return html`<section class="card">
  <h2>The tokens</h2>
  <dl>
    <dt>Access token</dt><dd>${lifeOf(tokens.expires_at, now)}</dd>
    <dt>Made for</dt><dd><code>${[access?.aud ?? 'unknown'].flat().join(', ')}</code></dd>
    <dt>Scopes</dt><dd>${tokens.scope.split(' ').map((name) => html`<span class="tag">${name}</span> `)}</dd>
    <dt>Refresh token</dt><dd>${tokens.refresh_token ? renewed : 'none'}</dd>
    <dt>Signed in</dt><dd>${claims.auth_time === undefined ? 'time unknown' : timeOf(new Date(claims.auth_time * 1000))}</dd>
  </dl>
  <details><summary>What stands in the access token</summary>
  <p class="hint">For the API to read. An application treats its access token as a closed letter; this is a demo.</p>
  <pre>${access ? JSON.stringify(access, null, 2) : 'It is opaque: only Keywright can read it.'}</pre></details>
</section>`
}

const claimsCard = ({ claims, userInfo }: SignedIn): Html => html`<section class="card">
  <h2>Who you are</h2>
  <dl>${Object.entries(userInfo).map(([name, value]) => html`<dt>${name}</dt><dd>${textOf(value)}</dd>`)}</dl>
  <details><summary>What stood in the ID token</summary><pre>${JSON.stringify(claims, null, 2)}</pre></details>
</section>`

type Button = { address: string; csrf: string; label: string; look?: string }

const button = ({ address, csrf, label, look = '' }: Button): Html =>
  html`<form method="post" action="${address}"><input type="hidden" name="csrf" value="${csrf}"><button class="button ${look}">${label}</button></form>`

const lifeOf = (expires_at: Date, now: Date): string => {
  const seconds = Math.round((expires_at.getTime() - now.getTime()) / 1000)
  if (seconds <= 0) return `expired at ${timeOf(expires_at)}`
  const left = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `good for another ${left}, until ${timeOf(expires_at)}`
}

const payloadOf = (token: string): ReturnType<typeof decodeJwt> | undefined => {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}

const indented = (body: string): string => {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
