-- drained: how far each segment of the journal has been taken in
select segment, place from drained;

-- put_drained: this segment has been taken in up to here
insert into drained (segment, place) values (:segment, :place)
on conflict (segment) do update set place = excluded.place where excluded.place > drained.place;

-- drop_drained: this segment is gone
delete from drained where segment = :segment;

-- add_hit: keep a hit once, however often it is brought; nothing of somebody who was erased
insert into hits (id, team, message, recipient, channel, link, in_text, level, at, method, address, network, agent, headers)
select :id, :team, :message, :recipient, :channel, :link, :in_text, :level, :at, :method, :address, :network, :agent, :headers
where not exists (select 1 from recipients where id = :recipient and domain = 'erased.invalid')
on conflict (id) do nothing;

-- set_judge_at: this message has hits that nobody has read yet
update messages set judge_at = :at where id = :id;

-- due_judgements: messages with hits that nobody has read yet
select id from messages where judge_at <= :now order by judge_at limit :limit;

-- hold_judgement: lock the message for its new verdicts; nothing when another worker has just judged it
update messages set judge_at = judge_at where id = :id and judge_at is not null;

-- hold_message: lock the message until this transaction ends; who then writes of its copies or counts does so first
update messages set judge_at = judge_at where id = :id;

-- hold_message_of: the same of the message that a copy is of
update messages set judge_at = judge_at where id = (select message from recipients where id = :recipient);

-- judged: nothing is left to read until :again, unless more has come in since
update messages set judge_at = :again where id = :id and judge_at = :seen;

-- count_messages_with_hits: how many messages have any
select count(*) as n from messages m where exists (select 1 from hits h where h.message = m.id);

-- messages_with_hits: some of those that have hits, in the order of their ids
select m.id from messages m where m.id > :after and exists (select 1 from hits h where h.message = m.id)
order by m.id limit :limit;

-- hit_of_message: one hit, if it is of this message and team
select id from hits where id = :hit and message = :message and team = :team;

-- say: what somebody of the team says of a hit
insert into said (hit, team, message, what, sender, at) values (:hit, :team, :message, :what, :sender, :at)
on conflict (hit) do update set what = excluded.what, sender = excluded.sender, at = excluded.at;

-- unsay: they take it back
delete from said where hit = :hit;

-- said_of: what was said of one message's hits, and by whom
select d.hit, d.what, d.at, s.address as by from said d left join senders s on s.id = d.sender where d.message = :message;

-- hits_of: every hit of one message, oldest first
select * from hits where message = :message order by at, id;

-- standing_verdicts: the verdicts of one message that stand
select * from verdicts where message = :message and until is null;

-- verdicts_of: every verdict of one message, revised ones too
select * from verdicts where message = :message order by hit, revision;

-- believed: changes with every verdict that is written of one message, and when one of its people is erased
select count(*) as verdicts, coalesce(sum(revision), 0) as revisions,
  (select count(*) from recipients where message = :message and domain = 'erased.invalid') as erased
from verdicts where message = :message;

-- supersede: this verdict no longer stands
update verdicts set until = :at where hit = :hit and until is null;

-- add_verdict: what we now believe of a hit
insert into verdicts (hit, revision, team, message, label, permille, reasons, rules, counted, at)
values (:hit, :revision, :team, :message, :label, :permille, :reasons, :rules, :counted, :at);

-- set_counted: whether this hit is an open or click of its own
update verdicts set counted = :counted where hit = :hit and until is null;

-- set_states: what the verdicts come to for one recipient
update recipients set opened = :opened, clicked = :clicked, opens = :opens, clicks = :clicks, machines = :machines,
  fetched = :fetched, apple = :apple, scanned = :scanned,
  opened_at = :opened_at, clicked_at = :clicked_at
where id = :recipient;

-- add_own_view: the sender looked at this message's copy
insert into own_views (id, team, message, at, surface) values (:id, :team, :message, :at, :surface);

-- count_own_views: how many the sender's own programs announced
select count(*) as n from own_views where message = :message;

-- own_views: when the sender looked at it
select at, surface from own_views where message = :message order by at;

-- thread_hits: the counted hits of a thread, with whose they were
select h.at, h.channel, h.recipient, r.address, h.message
from messages m join hits h on h.message = m.id join verdicts v on v.hit = h.id and v.until is null
left join recipients r on r.id = h.recipient
where m.team = :team and m.thread = :thread and v.counted = 1 order by h.at;

-- opens_in_thread: every open of a thread, whoever caused it
select h.at, v.label from messages m join hits h on h.message = m.id and h.channel = 'open'
left join verdicts v on v.hit = h.id and v.until is null
where m.team = :team and m.thread = :thread;

-- count_hits: how many hits are kept
select count(*) as n from hits;

-- add_event: one thing worth telling, once
insert into events (id, team, kind, message, recipient, hit, bell, at, detail)
values (:id, :team, :kind, :message, :recipient, :hit, :bell, :at, :detail) on conflict (id) do nothing;

-- last_event: the newest event's number
select coalesce(max(seq), 0) as seq from events;

-- events_after: what has happened since
select seq, id, team, kind, message, recipient, bell, at, detail from events where seq > :seq order by seq limit :limit;

-- concerns [part]: whether this sender hears of event e of message m: it is theirs, or they want the team's, and watch it
case when e.kind = 'reminded' then e.detail = :sender else
  not exists (select 1 from unwatched w where w.sender = :sender and w.message = e.message)
  and (m.sender = :sender or exists (select 1 from preferences p where p.sender = :sender and p.name = 'of_team')) end

-- is_no_repeat [part]: whether event e is no second open of a message, for a sender who hears of first ones alone
not (e.kind = 'opened'
  and exists (select 1 from preferences p where p.sender = :sender and p.name = 'first_only')
  and exists (select 1 from events b where b.message = e.message and b.recipient = e.recipient and b.kind = 'opened'
    and b.seq < e.seq))

-- still_counts [part]: whether what event e tells of is still believed
(e.hit is null or exists (select 1 from verdicts v where v.hit = e.hit and v.until is null and v.counted = 1))

-- bell_events: this sender's bell, newest first: of their own messages, or of the whole team's if they want that
select e.seq, e.kind, e.message, e.recipient, e.at, e.detail, m.subject, r.address, r.name
from events e join messages m on m.id = e.message left join recipients r on r.id = e.recipient
where e.team = :team and e.bell = 1
and {concerns}
and {is_no_repeat}
and {still_counts}
order by e.seq desc limit :limit;

-- unread_bell: how many of them are new to this sender
select count(*) as n,
  (select value from preferences where sender = :sender and name = 'sound') as sound
from events e join messages m on m.id = e.message where e.team = :team and e.bell = 1 and e.seq > :seen
and {concerns}
and {is_no_repeat}
and {still_counts};

-- add_outbox: this channel has still to tell the event
insert into outbox (event, channel, team, due_at) values (:event, :channel, :team, :due_at) on conflict do nothing;

-- claim_outbox: take due events of one channel, ours until :until
update outbox set due_at = :until, attempts = attempts + 1
where channel = :channel and event in (
  select event from outbox where channel = :channel and due_at <= :now order by due_at limit :limit)
returning event;

-- claim_outbox [postgresql]: the same, stepping over what another teller is just taking
update outbox set due_at = :until, attempts = attempts + 1
where channel = :channel and event in (
  select event from outbox where channel = :channel and due_at <= :now order by due_at limit :limit
  for update skip locked)
returning event;

-- settle_outbox: told
update outbox set due_at = null where event = :event and channel = :channel;

-- failure_of: what is to be told of a copy that could not be sent
select e.team, e.kind, e.detail, m.subject, m.message_id, m.sender, r.address, s.address as sender_address, s.next_hop
from events e join messages m on m.id = e.message join recipients r on r.id = e.recipient
join senders s on s.id = m.sender where e.id = :event;
