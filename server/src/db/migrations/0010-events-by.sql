-- What administrators did to others: their addresses and browsers in it are forgotten with their own account.
create index events_by on events ((data ->> 'by')) where data ? 'by';
