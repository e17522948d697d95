/**
 * Owns what a new passkey is called until its owner says otherwise: by what keeps it, as far as that is known. The model says
 * so itself (AAGUID) and proves nothing by it. Pure.
 */

/** Models that people know by name, as their makers have published them (WebAuthn §6.5.1). */
const models: Readonly<Record<string, string>> = {
  'ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4': 'Google Password Manager',
  'adce0002-35bc-c60a-648b-0b25f1f05503': 'Chrome on Mac',
  '771b48fd-d3d4-4f74-9232-fc157ab0507a': 'Edge on Mac',
  'fbfc3007-154e-4ecc-8c0b-6e020557d7bd': 'Apple Passwords',
  'dd4ec289-e01d-41c9-bb89-70fa845d4bf2': 'iCloud Keychain',
  '08987058-cadc-4b81-b6e1-30de50dcbe96': 'Windows Hello',
  '9ddd1817-af5a-4672-a2b9-3e3dd95000a9': 'Windows Hello',
  '6028b017-b1d4-4c02-b4b3-afcdafc96bb2': 'Windows Hello',
  '53414d53-554e-4700-0000-000000000000': 'Samsung Pass',
  'bada5566-a7aa-401f-bd96-45619a55120d': '1Password',
  'd548826e-79b4-db40-a3d8-11116f7e8349': 'Bitwarden',
  '531126d6-e717-415c-9320-3d9aa6981239': 'Dashlane',
  'f3809540-7f14-49c1-a8b3-8f813b225541': 'Enpass',
  'fdb141b2-5d84-443e-8a35-4698c205a502': 'KeePassXC',
  '0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6': 'Keeper',
  'b84e4048-15dc-4dd0-8640-f4f60813c8af': 'NordPass',
  '50726f74-6f6e-5061-7373-50726f746f6e': 'Proton Pass',
  'cb69481e-8ff7-4039-93ec-0a2729a154a8': 'YubiKey',
  'ee882879-721c-4913-9775-3dfcce97072a': 'YubiKey',
  'fa2b99dc-9e39-4257-8f92-4a30d23c4118': 'YubiKey',
  '2fc0579f-8113-47ea-b116-bb5a8db9202a': 'YubiKey',
  'c5ef55ff-ad9a-4b9f-b580-adebafe026d0': 'YubiKey',
  'd8522d9f-575b-4866-88a9-ba99fa02f35b': 'YubiKey',
}

/** The longest name, in UTF-16 units as browsers count `maxlength`. */
export const longestName = 60

/** A name that none of `taken` has: of the model, else `fallback`, with a number behind it where there is one already. */
export const newName = (aaguid: string, fallback: string, taken: readonly string[]): string => {
  const name = models[aaguid] ?? fallback
  if (!taken.includes(name)) return name
  const numbers = Array.from({ length: taken.length + 1 }, (_, index) => `${name} ${index + 2}`)
  return numbers.find((one) => !taken.includes(one)) ?? name
}

/** A name as somebody typed it; undefined for one that says nothing or too much. */
export const typedName = (text: string): string | undefined => {
  const name = text
    .normalize('NFC')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .trim()
  return name === '' || name.length > longestName ? undefined : name
}
