-- What was opened for an address, whoever asked: a new code voids the old one.
create index one_time_tokens_address on one_time_tokens (address, purpose) where used_at is null and address is not null;
create index invitations_expiry on invitations (expires_at);
