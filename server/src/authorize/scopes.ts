/** Owns what scopes mean to people: a title and a sentence for each. */

const known: Record<string, { title: string; description: string }> = {
  profile: { title: 'See your profile', description: 'Your name, picture, language and time zone.' },
  email: { title: 'See your email address', description: 'The address, and whether it is confirmed.' },
  phone: { title: 'See your phone number', description: 'The number, and whether it is confirmed.' },
  address: { title: 'See your postal address', description: 'The address in your profile.' },
  roles: { title: 'See your roles', description: 'What you may do in this organisation.' },
  offline_access: { title: 'Stay connected', description: 'Keep access while you are not there, until you remove it.' },
  read: { title: 'Read your data', description: 'See what the service keeps for you.' },
  write: { title: 'Change your data', description: 'Create, change and delete on your behalf.' },
  admin: { title: 'Administer', description: 'Act with your administrative rights.' },
}

/** Title and sentence of a scope; one that nobody described is shown by its name. */
export const describeScope = (name: string): { title: string; description: string } =>
  known[name] ?? { title: name, description: '' }
