// Owns what oidc-provider stores: one PostgreSQL table, every method of the adapter one statement, nothing cached.
// Written as plainly as the adapter interface allows, with the same driver and pool size as Keywright.

const schema = `
  create table if not exists payloads (
    model text not null,
    id text not null,
    payload jsonb not null,
    grant_id text,
    user_code text,
    uid text,
    consumed_at timestamptz,
    expires_at timestamptz,
    primary key (model, id)
  );
  create index if not exists payloads_grant_id on payloads (grant_id) where grant_id is not null;
  create index if not exists payloads_uid on payloads (model, uid) where uid is not null;
  create index if not exists payloads_user_code on payloads (model, user_code) where user_code is not null;
`

/** Creates the table when it is not there. */
export const migrate = async (sql) => {
  await sql.unsafe(schema).simple()
}

/** The adapter factory that oidc-provider asks for: model name → its storage. */
export const createAdapter = (sql) => (model) => ({
  upsert: async (id, payload, expiresIn) => {
    const { grantId = null, userCode = null, uid = null } = payload
    const expires_at = expiresIn === undefined ? null : new Date(Date.now() + expiresIn * 1000)
    await sql`
      insert into payloads (model, id, payload, grant_id, user_code, uid, expires_at)
      values (${model}, ${id}, ${sql.json(payload)}, ${grantId}, ${userCode}, ${uid}, ${expires_at})
      on conflict (model, id) do update set
        payload = excluded.payload, grant_id = excluded.grant_id, user_code = excluded.user_code,
        uid = excluded.uid, expires_at = excluded.expires_at`
  },
  find: async (id) =>
    readRow(
      await sql`
      select payload, consumed_at from payloads
      where model = ${model} and id = ${id} and (expires_at is null or expires_at > now())`,
    ),
  findByUid: async (uid) =>
    readRow(
      await sql`
      select payload, consumed_at from payloads
      where model = ${model} and uid = ${uid} and (expires_at is null or expires_at > now())`,
    ),
  findByUserCode: async (userCode) =>
    readRow(
      await sql`
      select payload, consumed_at from payloads
      where model = ${model} and user_code = ${userCode} and (expires_at is null or expires_at > now())`,
    ),
  consume: async (id) => {
    await sql`update payloads set consumed_at = now() where model = ${model} and id = ${id}`
  },
  destroy: async (id) => {
    await sql`delete from payloads where model = ${model} and id = ${id}`
  },
  revokeByGrantId: async (grantId) => {
    await sql`delete from payloads where grant_id = ${grantId}`
  },
})

const readRow = ([row]) => {
  if (row === undefined) return undefined
  if (row.consumed_at === null) return row.payload
  return { ...row.payload, consumed: Math.floor(row.consumed_at.getTime() / 1000) }
}
