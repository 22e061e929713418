-- person_counts: what came of the latest copies to one person
select count(*) as messages,
  coalesce(sum(case when c.opened in ('seen', 'probably') or c.clicked in ('seen', 'probably') then 1 else 0 end), 0)
    as seen,
  coalesce(sum(case when c.clicked in ('seen', 'probably') then 1 else 0 end), 0) as clicked,
  coalesce(sum(case when c.replied_at is not null then 1 else 0 end), 0) as answered,
  max(c.opened_at) as opened_at, max(c.clicked_at) as clicked_at, max(c.replied_at) as replied_at
from (
  select opened, clicked, opened_at, clicked_at, replied_at from recipients
  where team = :team and address_key = :address order by accepted_at desc, message desc limit :limit) as c;

-- copies_to: the team's copies to one person, newest first, each with its message
select r.id, r.message, r.address, r.name, r.role, r.pixels, r.links, r.untracked, r.state, r.reply, r.replied_at,
  r.opened, r.clicked, r.opens, r.clicks, r.machines, r.opened_at, r.clicked_at, r.accepted_at,
  m.subject, m.from_address, m.untouched, m.notes, m.link_count
from recipients r join messages m on m.id = r.message
where r.team = :team and r.address_key = :address and m.sender is not null
and (r.accepted_at, r.message) < (:before, :before_id)
order by r.accepted_at desc, r.message desc limit :limit;

-- signs_of: when this person opened and clicked, newest first; nothing that a machine did
select h.at, h.channel, h.agent, h.level
from (
  select id, message from recipients
  where team = :team and address_key = :address and (opens > 0 or clicks > 0)
  order by accepted_at desc, message desc limit :copies) as r
join hits h on h.message = r.message and h.recipient = r.id
join verdicts v on v.hit = h.id and v.until is null and v.counted = 1 and v.label in ('human', 'proxy_human')
order by h.at desc limit :limit;

-- domain_days: what came of the latest copies to people of one domain, by the day on which their message was sent
select c.accepted_at / 86400000000 as day, count(*) as messages,
  coalesce(sum(case when c.opened in ('seen', 'probably') or c.clicked in ('seen', 'probably') then 1 else 0 end), 0)
    as seen,
  coalesce(sum(case when c.clicked in ('seen', 'probably') then 1 else 0 end), 0) as clicked,
  coalesce(sum(case when c.replied_at is not null then 1 else 0 end), 0) as answered
from (
  select accepted_at, opened, clicked, replied_at from recipients
  where team = :team and domain = :domain and accepted_at >= :since and (untracked is null or untracked = 'off')
  order by accepted_at desc limit :limit) as c
group by c.accepted_at / 86400000000 order by day;

-- wish_of: whether and when this person unsubscribed from the team's mail
select at, lifted_at from unsubscribed where team = :team and address = :address;

-- note_of: what somebody of the team wrote down about this person
select n.text, n.at, s.address as by from notes n left join senders s on s.id = n.sender
where n.team = :team and n.address = :address;

-- put_note: write it down, in place of what stood there
insert into notes (team, address, text, sender, at) values (:team, :address, :text, :sender, :at)
on conflict (team, address) do update set text = excluded.text, sender = excluded.sender, at = excluded.at;

-- drop_note: nothing is written down any more
delete from notes where team = :team and address = :address;
