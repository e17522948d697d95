-- The passkey that took part in a sign-in: removed before the end, it proves nothing any more. No reference, because whoever
-- removes a passkey shall not wait for sign-ins.
alter table sign_ins add column passkey_id uuid;
