-- add_message: what was accepted, without its bytes
insert into messages (id, team, sender, message_id, thread, subject, from_address, size, key_id, tracking_url, wishes,
  unsubscribe, untouched, notes, link_count, honeypot, accepted_at, active_at)
values (:id, :team, :sender, :message_id, :thread, :subject, :from_address, :size, :key_id, :tracking_url, :wishes,
  :unsubscribe, :untouched, :notes, :link_count, :honeypot, :at, :at);

-- add_recipient: one address the message goes to
insert into recipients (id, team, message, address, address_key, domain, accepted_at, name, role, pixels, links,
  untracked, state, hop, due_at)
values (:id, :team, :message, :address, :address_key, :domain, :due_at, :name, :role, :pixels, :links, :untracked,
  'queued', :hop, :due_at);

-- add_search: the words a message is found by; the team is a word of its own
insert into search (team, words, message) values (hex(:team), :words, :message);

-- add_search [postgresql]: the same
insert into search (team, words, message)
values (:team, to_tsvector('simple', translate(:words, '@._-', '    ')), :message);

-- add_link: where one link of the message leads
insert into links (team, message, number, part, target) values (:team, :message, :number, :part, :target);

-- add_spool: the message's bytes, until every copy has its fate
insert into spool (message, team, raw) values (:message, :team, :raw);

-- spool: the bytes as they were submitted, while some copy has not yet its fate
select raw from spool where message = :message and until is null;

-- thread_of: the thread that a message we know belongs to
select thread from messages where team = :team and message_id = :message_id limit 1;

-- due_hops: the next hops that have something to send
select hop from recipients where due_at <= :now group by hop;

-- claim_copies: take up to :limit due copies of one next hop, ours until :until
update recipients set due_at = :until, claimed_by = :holder, attempts = attempts + 1
where id in (select id from recipients where hop = :hop and due_at <= :now order by due_at limit :limit)
returning id, address;

-- claim_copies [postgresql]: the same, stepping over what another worker is just taking
update recipients set due_at = :until, claimed_by = :holder, attempts = attempts + 1
where id in (
  select id from recipients where hop = :hop and due_at <= :now order by due_at limit :limit for update skip locked)
returning id, address;

-- claimed_copy: everything needed to send one claimed copy, and whether :address, its recipient's, has unsubscribed
select r.id as recipient, r.team, r.message, r.address, r.pixels, r.links, r.untracked, r.hop, r.attempts,
  m.from_address, m.message_id, m.subject, m.sender, m.key_id, m.tracking_url, m.accepted_at, m.wishes, m.unsubscribe,
  exists (select 1 from unsubscribed u
    where u.team = r.team and u.address = :address and u.lifted_at is null) as unwanted
from recipients r join messages m on m.id = r.message
where r.id = :recipient and r.claimed_by = :holder and r.due_at is not null;

-- settle_copy: what came of one attempt; a claim that ran out and was taken by another settles nothing
update recipients set state = :state, due_at = :due_at, claimed_by = null, reply = :reply,
  sent_at = coalesce(:sent_at, sent_at)
where id = :recipient and claimed_by = :holder;

-- renew_claim: hold it a while longer
update recipients set due_at = :until where id = :recipient and claimed_by = :holder;

-- release_copy: give a claimed copy back untried
update recipients set due_at = :now, claimed_by = null, attempts = attempts - 1
where id = :recipient and claimed_by = :holder;

-- release_claims: after a restart nobody holds anything
update recipients set due_at = :now, claimed_by = null where claimed_by is not null and due_at is not null;

-- add_attempt: one try at the next hop
insert into attempts (id, team, message, recipient, at, outcome, reply)
values (:id, :team, :message, :recipient, :at, :outcome, :reply);

-- attempts: the delivery story of a message
select recipient, at, outcome, reply from attempts where message = :message order by at;

-- end_spool: once every copy has its fate the bytes are kept for nothing but to be looked at; not at all where somebody
-- was erased, whom they name
update spool set until = case
  when exists (select 1 from recipients where message = :message and domain = 'erased.invalid') then 0
  else cast(:until as bigint) end
where message = :message
and not exists (select 1 from recipients where message = :message and due_at is not null);

-- kept_message: a message as it was submitted, while it is kept
select s.raw, m.id, m.team, m.subject, m.from_address, m.wishes, m.tracking_url, m.accepted_at, m.message_id
from spool s join messages m on m.id = s.message
where s.message = :message and (s.until is null or s.until > 0);

-- is_kept: whether the message itself can be looked at
select 1 as yes from spool where message = :message and (until is null or until > 0);

-- sweep_spool: messages whose time to be looked at is over
delete from spool where message in (select message from spool where until < :now limit :limit);

-- touch_message: something happened to it
update messages set active_at = :at where id = :message and active_at < :at;

-- catch: keep a copy in the built-in mailbox
insert into caught (recipient, team, message, raw, at) values (:recipient, :team, :message, :raw, :at)
on conflict (recipient) do update set raw = excluded.raw;

-- caught_list: what the built-in mailbox holds, newest first
select c.recipient, c.at, r.address, r.name, r.role, r.untracked, m.id as message, m.subject, m.from_address
from caught c join recipients r on r.id = c.recipient join messages m on m.id = c.message
where c.team = :team and c.at < :before order by c.at desc limit :limit;

-- caught: one message in the built-in mailbox
select c.recipient, c.raw, c.at, r.address, r.name, r.role, r.untracked, m.id as message, m.subject, m.from_address
from caught c join recipients r on r.id = c.recipient join messages m on m.id = c.message
where c.recipient = :recipient and c.team = :team;

-- message: one message of the team
select m.*, s.address as sender_address from messages m left join senders s on s.id = m.sender
where m.id = :id and m.team = :team;

-- message_of_token: the message a token speaks of, whatever the team
select m.id, m.team, m.sender, m.thread, m.subject, m.accepted_at, m.link_count, m.honeypot, m.judge_at, s.notify
from messages m left join senders s on s.id = m.sender where m.id = :id;

-- messages_of_tokens: the messages that several tokens speak of, whatever the team
select m.id, m.team, m.sender, m.thread, m.subject, m.accepted_at, m.link_count, m.honeypot, m.judge_at, s.notify
from messages m left join senders s on s.id = m.sender where m.id in (select value from json_each(:ids));

-- message_named: the message with this id, or this Message-ID, whatever the team
select * from messages where id = :name
union all
select messages.* from teams cross join messages where messages.team = teams.id and messages.message_id = :name
order by accepted_at desc limit 1;

-- message_of_team: the team's message with this id, or this Message-ID
select id from messages where id = :name and team = :team
union all
select id from messages where team = :team and message_id = :name limit 1;

-- recipients_of: everybody one message went to, and whether that is a mailbox that nobody reads
select r.*, exists (select 1 from seeds s where s.team = r.team and s.address = r.address_key) as is_seed
from recipients r where r.message = :message order by r.role desc, r.address;

-- links_of: the links of one message
select number, part, target from links where message = :message order by number;

-- sent_page: the team's messages, newest first
select m.id, m.subject, m.from_address, m.sender, m.accepted_at, m.active_at, m.untouched, m.link_count
from messages m
where m.team = :team and m.sender is not null and (m.accepted_at < :before or (m.accepted_at = :before and m.id < :before_id))
order by m.accepted_at desc, m.id desc limit :limit;

-- count_messages: how many messages the team has sent
select count(*) as n from messages where team = :team and sender is not null;

-- copies_waiting: how many copies have no fate yet
select count(*) as copies from recipients where due_at is not null;
