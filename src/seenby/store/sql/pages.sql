-- search_sent_of_sender: one sender's messages with these words in subject, sender or a recipient, newest first
select m.id, m.subject, m.from_address, m.sender, m.accepted_at, m.active_at, m.untouched, m.link_count
from messages m
where m.sender = :sender and (m.accepted_at < :before or (m.accepted_at = :before and m.id < :before_id))
and (lower(m.subject) like :words escape '\' or m.from_address like :words escape '\'
  or exists (select 1 from recipients r where r.message = m.id
    and (lower(r.address) like :words escape '\' or lower(r.name) like :words escape '\')))
order by m.accepted_at desc, m.id desc limit :limit;

-- caught_copy: one message in the built-in mailbox, for whoever holds a capability for it
select recipient, raw from caught where recipient = :recipient;

-- notes_of: what was left as it was in one message
select notes from messages where id = :id;
