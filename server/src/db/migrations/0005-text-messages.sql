-- Text messages are counted over all numbers and by country (security rule MF-3).
create index outbox_text_messages on outbox (created_at) where channel = 'sms';
