/** Owns the commands about roles: which there are, and how sure a sign-in of who holds them has to be. */
import { type Command, Option } from 'commander'
import { acrLevels } from '../protocol/acr.ts'
import { load } from './load.ts'
import { columns, example, print } from './output.ts'
import { accept } from './refusal.ts'

/** Adds `keywright role …`. */
export const roleCommands = (program: Command): void => {
  const role = program.command('role').description('roles and what they ask of a sign-in')
  addList(role)
  addUpdate(role)
}

const loadRoles = async () => await load(async () => await import('../access/roles.ts'))

const addList = (role: Command): void => {
  role
    .command('list')
    .description('list roles, their permissions and the level of assurance that they demand')
    .addHelpText('after', example('keywright role list'))
    .action(async (_options: unknown, command: Command) => {
      const { withCtx, listRoles } = await loadRoles()
      const roles = await withCtx(async (ctx) => await listRoles(ctx.db))
      const rows = roles.map(({ name, acr, permissions }) => [name, acr ?? '', permissions.join(' ')])
      print(command, { roles }, columns(['NAME', 'ACR', 'PERMISSIONS'], rows))
    })
}

const addUpdate = (role: Command): void => {
  role
    .command('update')
    .description('change what a role asks of the sign-ins of who holds it')
    .argument('<role>', 'the name of a role')
    .addOption(
      new Option('--acr <level>', 'aal1 one factor, aal2 two, phr a passkey; none takes the demand away')
        .choices([...acrLevels, 'none'])
        .makeOptionMandatory(),
    )
    .addHelpText('after', example('keywright role update admin --acr aal2'))
    .action(async (name: string, { acr }: { acr: string }, command: Command) => {
      const { withCtx, demandAcr } = await loadRoles()
      const level = acr === 'none' ? null : acr
      accept(await withCtx(async (ctx) => await demandAcr(ctx, name, level)))
      print(command, { role: name, acr: level }, `Role ${name} demands ${level ?? 'nothing'} of sign-ins.`)
    })
}
