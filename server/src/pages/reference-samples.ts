/** Owns a small reference of an API for the sample of its page. */
import type { ReferenceRow, ReferenceView } from './reference-data.ts'

const row = (change: Partial<ReferenceRow>): ReferenceRow => ({
  depth: 0,
  name: 'name',
  type: 'string',
  required: true,
  description: ['what people call it; ', '*', ' is everybody'],
  ...change,
})

export const referenceSample: ReferenceView = {
  chapters: [
    {
      id: 'roles',
      title: 'Roles',
      operations: [
        {
          id: 'postRoles',
          method: 'POST',
          path: '/api/v1/roles',
          summary: 'Make a role',
          who: ['Wants the permission ', 'roles:write', '.'],
          parameters: [row({ name: 'Idempotency-Key', type: 'string · header', required: false })],
          bodies: [
            { title: 'Body', type: 'application/json', rows: [row({}), row({ name: 'claims', type: 'object' })] },
          ],
          answers: [
            {
              title: '201',
              type: 'application/json',
              schema: 'Role',
              rows: [row({}), row({ name: 'permissions', link: 'schema-Permission' }), row({ depth: 1, name: 'id' })],
            },
            { title: '204', type: 'Done', rows: [] },
          ],
          refusals: [{ status: '409', meaning: 'It does not fit what is there' }],
          curl: "curl -X POST 'https://issuer.example/api/v1/roles' \\\n  -H 'X-API-Key: kw_ak_…'",
        },
      ],
    },
  ],
  schemas: [
    { id: 'schema-Role', title: 'Role', type: '', rows: [row({})] },
    { id: 'schema-Permission', title: 'Permission', type: '', rows: [] },
  ],
  refusals: [{ status: '409', meaning: 'It does not fit what is there' }],
}
