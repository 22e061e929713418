-- push_subscriptions_of: the browsers that want notifications for this sender
select endpoint, p256dh, auth, agent, made_at from push_subscriptions where sender = :sender order by made_at;

-- put_push_subscription: one more of them, or the same with other keys; whoever signed in there last is told
insert into push_subscriptions (endpoint, team, sender, p256dh, auth, agent, made_at)
values (:endpoint, :team, :sender, :p256dh, :auth, :agent, :at)
on conflict (endpoint) do update set team = excluded.team, sender = excluded.sender, p256dh = excluded.p256dh,
  auth = excluded.auth, agent = excluded.agent, made_at = excluded.made_at;

-- drop_push_subscription: it wants none any more
delete from push_subscriptions where endpoint = :endpoint and sender = :sender;

-- add_push: have the browsers of everybody in the team told of an event; who wants to know is asked when it is told
insert into outbox (event, channel, team, due_at)
select :event, 'push:' || p.sender, :team, :at from (select distinct sender from push_subscriptions where team = :team) p
where true on conflict do nothing;

-- push_due: whose browsers are to be told something
select distinct channel from outbox where channel >= :first and channel < :after and due_at <= :now;

-- events_to_tell: events as this sender may be told of them; none for which the bell would not ring for them either
select e.id, e.kind, e.message, e.at, e.detail, m.subject, r.address, r.name
from events e join messages m on m.id = e.message left join recipients r on r.id = e.recipient
where e.id in (select value from json_each(:events)) and e.bell = 1
and {concerns}
and {is_no_repeat}
and {still_counts};

-- put_off_outbox: tell it later
update outbox set due_at = :until where channel = :channel and event = :event;

-- drop_outbox: it was told, or is of no interest any more
delete from outbox where channel = :channel and event = :event;

-- who_wants_digests: everybody who wants a daily mail, by which clock, and when they had the last
select s.id, p.value as digest,
  (select value from preferences q where q.sender = s.id and q.name = 'zone') as zone,
  (select value from preferences q where q.sender = s.id and q.name = 'digested') as digested
from preferences p join senders s on s.id = p.sender where p.name = 'digest';

-- take_digest: this day's digest is ours to write; nothing when another worker has taken it
update preferences set value = :day where sender = :sender and name = 'digested' and value = :last;

-- digest_events: what rang somebody's bell in a span of time, newest first, of the team's latest
select e.kind, e.message, e.at, m.subject, r.address, r.name
from (select kind, message, recipient, hit, at, detail, seq from events
  where team = :team and bell = 1 order by seq desc limit :latest) e
join messages m on m.id = e.message left join recipients r on r.id = e.recipient
where e.at >= :since and e.at < :before and e.kind <> 'reminded'
and {concerns}
and {still_counts}
order by e.seq desc limit :limit;

-- unwatched_of: the messages that this sender is not told of
select u.message, m.subject from unwatched u join messages m on m.id = u.message
where u.sender = :sender order by m.accepted_at desc limit :limit;
