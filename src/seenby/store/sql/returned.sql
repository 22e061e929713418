-- returned_copy: the copy whose return address got mail, and who is to know of it
select r.id as recipient, r.team, r.message, r.address, r.state, r.untracked, m.sender, m.from_address, s.notify,
  s.next_hop
from recipients r join messages m on m.id = r.message join senders s on s.id = m.sender where r.id = :recipient;

-- hold_copy: lock the copy until this transaction ends, so that it is not settled at the same moment
update recipients set state = state where id = :recipient;

-- is_known_return: whether this very mail has come before
select id from attempts where id = :id;

-- count_returned: how many mails have come to one return address
select count(*) as n from attempts where message = :message and recipient = :recipient
and outcome not in ('queued', 'sent', 'deferred', 'bounced', 'failed');

-- came_back: what a server further on said when it could not deliver this copy
select reply from attempts where message = :message and recipient = :recipient and outcome = 'came_back'
order by at limit 1;

-- bounce_copy: it was sent, and came back; a copy with another fate keeps it
update recipients set state = 'bounced', reply = :reply where id = :recipient and state = 'sent';
