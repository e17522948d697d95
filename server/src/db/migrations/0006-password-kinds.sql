-- The kind of a password hash: what stands before salt and digest, and decides what a comparison costs. Null for a form that
-- is none of those that are stored (io/hash-formats.ts).
create function hash_kind(password_hash text) returns text language sql immutable parallel safe as $$
  select coalesce(
    substring(password_hash from '\$argon2id?\$v=[0-9]+\$m=[0-9]+,t=[0-9]+,p=[0-9]+'),
    substring(password_hash from '^\$2[aby]\$[0-9]{2}'),
    substring(password_hash from '^\$(?:scrypt|firebase-scrypt|pbkdf2-[a-z0-9]+)\$[^$]+'))
$$;

-- One entry for each account, few different ones: a refused sign-in makes one hash of every kind in use (docs/adr/0012).
create index password_credentials_kind on password_credentials (hash_kind(password_hash));
