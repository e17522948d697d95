/** Owns what the pages that set a second step up show, within a sign-in and on a person's own pages alike. */
import type { CodeError, PageData } from '../pages/data.ts'
import { qrView } from '../pages/qr.ts'
import type { Denial } from '../protocol/errors.ts'
import type { PendingTotp } from './set-up-totp.ts'

/** The secret of an app as a picture, as an address for this very device, and in groups of four for typing. */
export const totpView = ({
  id,
  secret,
  uri,
}: PendingTotp): Pick<PageData['factor-totp'], 'id' | 'qr' | 'uri' | 'secret'> => ({
  id,
  uri,
  qr: qrView(uri),
  secret: secret.match(/.{1,4}/g) ?? [],
})

/** What a page says of a refusal. */
export const codeErrorOf = ({ error }: Denial): CodeError | 'invalid_phone' =>
  codeErrors.find((known) => known === error) ?? 'wrong_code'

const codeErrors = ['invalid_phone', 'expired_code', 'too_many_attempts', 'too_many_codes'] as const
