-- count_person: how many copies went to somebody
select count(*) as copies from recipients where team = :team and address_key = :address;

-- copies_of_person: some of somebody's copies
select id, message, address from recipients where team = :team and address_key = :address limit :limit;

-- erase_recipient: whose copy it was is not known any more; one that waits is not sent
update recipients set address = 'erased-' || lower(id) || '@erased.invalid',
  address_key = 'erased-' || lower(id) || '@erased.invalid', domain = 'erased.invalid', name = '', reply = '',
  mail_host = '', state = case when due_at is null then state else 'failed' end, due_at = null, claimed_by = null
where id = :recipient;

-- erase_hits: what was kept of their device, place and program
update hits set address = null, network = null, agent = null, headers = '{}', settled = 1,
  level = case when level > 2 then 2 else level end
where message = :message and recipient = :recipient;

-- erase_reasons: the reasons of those verdicts, which name programs and networks
update verdicts set reasons = '[]'
where message = :message and hit in (select id from hits where message = :message and recipient = :recipient);

-- erase_events: what servers said of them
update events set detail = '' where message = :message and recipient = :recipient;

-- erase_attempts: what servers said of them
update attempts set reply = '' where message = :message and recipient = :recipient;

-- erase_caught: copies in the built-in mailbox, in all of which they stand
delete from caught where recipient in (select id from recipients where message = :message);

-- erase_spool: the message's bytes, unless somebody else's copy is still to be sent
delete from spool where message = :message
and not exists (select 1 from recipients r where r.message = :message and r.due_at is not null);

-- erase_sent_copy: the same message where it waits to be filed in its writer's Sent folder
delete from attachments where id = 'filed:' || :message and team = :team;

-- erase_draft: what was written here, once it was sent
delete from drafts where state = 'sent' and message = :message and sender in (select id from senders where team = :team);

-- erase_habits_of_host: what copies to a mail host came to that took mail for no other domain, once nobody at its domain
-- is known any more: the host's name may be theirs as well
delete from habits where team = :team and domain in (
  select '@' || h.mail_host from habits h where h.team = :team and h.domain = :name and h.mail_host <> ''
  and not exists (select 1 from habits o where o.team = :team and o.mail_host = h.mail_host and o.domain <> :name))
and not exists (select 1 from recipients r where r.team = :team and r.domain = :domain);

-- erase_habits: what copies to a domain came to, once nobody there is known any more: the domain may be their name
delete from habits where team = :team and domain = :name
and not exists (select 1 from recipients r where r.team = :team and r.domain = :domain);

-- erase_mail_host: who takes mail for it, which is asked anew where somebody still writes there
delete from mail_hosts where domain = :name
and not exists (select 1 from recipients r where r.team = :team and r.domain = :domain);

-- found_by: what a message is found by, but for its words
select m.id, m.subject, m.from_address, r.name, r.address
from messages m join recipients r on r.message = m.id where m.id = :message and m.team = :team;

-- find_by: a message is found by these words from now on, and not by those it was found by
update search set words = :words where message = :message
and rowid in (select rowid from search where search match :matches);

-- find_by [postgresql]: the same
update search set words = to_tsvector('simple', translate(:words, '@._-', '    '))
where message = :message and cast(:matches as text) <> '';

-- export_copies: somebody's copies with their messages, in the order of their ids
select r.*, m.subject, m.from_address, m.message_id, m.thread
from recipients r join messages m on m.id = r.message
where r.team = :team and r.address_key = :address and r.id > :after order by r.id limit :limit;

-- export_hits: every fetch of one copy with what is believed of it
select h.id, h.channel, h.link, h.at, h.method, h.address, h.network, h.agent, h.headers, v.label, v.permille, v.reasons
from hits h left join verdicts v on v.hit = h.id and v.until is null
where h.message = :message and h.recipient = :recipient order by h.at, h.id;

-- export_events: what happened to one copy
select kind, at, detail from events where message = :message and recipient = :recipient order by seq;

-- export_note: what was written down about somebody
select text, at from notes where team = :team and address = :address;

-- export_unsubscribed: whether somebody unsubscribed
select at, lifted_at, lifted_why from unsubscribed where team = :team and address = :address;
