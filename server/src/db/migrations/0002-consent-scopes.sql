-- What a consent allows, resource by resource: a request means each of its scopes at each of its resources (RFC 8707 §2.2),
-- so what was allowed at one says nothing about another (security rule AZ-13). '' is a request that names no resource.
-- The row of consents stays: it is the consent itself, and its two lists are what the release before this one reads.
create table consent_scopes (
  user_id text not null,
  client_id text not null,
  resource text not null,
  scopes text[] not null,
  primary key (user_id, client_id, resource),
  foreign key (user_id, client_id) references consents on delete cascade
);

-- A consent without resources was for these scopes. Of the others nobody knows what was allowed where: asked once more.
insert into consent_scopes (user_id, client_id, resource, scopes)
  select user_id, client_id, '', scopes from consents where resources = '{}';
