-- copies_with_message_id: everybody whom the team's messages with this Message-ID went to
select r.id as recipient, r.team, r.message, r.address, r.pixels, r.links, r.untracked, r.state, m.subject, s.notify
from messages m join recipients r on r.message = m.id join senders s on s.id = m.sender
where m.team = :team and m.message_id = :message_id limit 1000;

-- copies_of: everybody whom one message went to, for whoever knows of an answer
select r.id as recipient, r.team, r.message, r.address, r.pixels, r.links, r.untracked, r.state, m.subject,
  coalesce(s.notify, 0) as notify
from messages m join recipients r on r.message = m.id left join senders s on s.id = m.sender where m.id = :message;

-- set_replied: this recipient has answered; nothing when that was known already
update recipients set replied_at = :at where id = :recipient and replied_at is null;

-- replies_of: whose answers to one message came when, of those that are known exactly
select recipient, at from events where message = :message and kind = 'replied' and detail = '' and recipient is not null;
