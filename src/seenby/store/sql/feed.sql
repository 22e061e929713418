-- team_events: of some events before :before, newest first, those of certain kinds; the last row says how far one looked
with looked as (
  select * from (
    select seq, kind from events where team = :team and bell = 1 and seq < :before order by seq desc limit :limit) as rung
  union all
  select * from (
    select seq, kind from events where team = :team and bell = 0 and seq < :before order by seq desc limit :limit) as quiet
  order by seq desc limit :limit)
select seq, kind, 0 as looked from looked where kind in (select value from json_each(:kinds))
union all
select min(seq), '', count(*) from looked
order by looked, seq desc;

-- team_signs: people's opens, clicks and answers since :since, among the latest events; nothing that a machine did
select e.kind, e.message, e.at, h.link, m.subject, r.address_key, r.name, r.domain,
  exists (select 1 from unsubscribed u where u.team = :team and u.address = r.address_key and u.lifted_at is null)
    as has_left
from (
  select * from (
    select seq, kind, message, recipient, hit, at from events
    where team = :team and bell = 1 order by seq desc limit :limit) as rung
  union all
  select * from (
    select seq, kind, message, recipient, hit, at from events
    where team = :team and bell = 0 order by seq desc limit :limit) as quiet
  ) as e
join recipients r on r.id = e.recipient join messages m on m.id = e.message left join hits h on h.id = e.hit
where e.at >= :since and e.kind in ('opened', 'clicked', 'replied')
and (e.kind = 'replied' or exists (
  select 1 from verdicts v
  where v.hit = e.hit and v.until is null and v.counted = 1 and v.label in ('human', 'proxy_human')))
and (r.untracked is null or r.untracked = 'off')
and not exists (select 1 from seeds d where d.team = :team and d.address = r.address_key)
order by e.at desc, e.seq desc;

-- signs_before: when each of these people last opened or clicked before :before
select a.value as address, (
  select max(h.at)
  from (
    select id, message from recipients
    where team = :team and address_key = a.value and (opens > 0 or clicks > 0)
    order by accepted_at desc, message desc limit :copies) as r
  join hits h on h.message = r.message and h.recipient = r.id
  join verdicts v on v.hit = h.id and v.until is null and v.counted = 1 and v.label in ('human', 'proxy_human')
  where h.at < :before) as at
from (select value from json_each(:addresses)) as a;
