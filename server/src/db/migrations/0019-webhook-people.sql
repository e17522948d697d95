-- Whose traces a message holds: they go when the account is erased.
create index webhook_deliveries_user on webhook_deliveries ((payload #>> '{data,user_id}')) where payload #>> '{data,user_id}' is not null;
create index webhook_deliveries_actor on webhook_deliveries ((payload #>> '{data,actor_id}')) where payload #>> '{data,actor_id}' is not null;
