-- hits_to_settle: hits whose evidence has been kept long enough, with what is believed of them and whose copy it was
select h.id, h.team, h.message, h.recipient, h.channel, v.label, v.permille, v.reasons, v.rules, r.address, r.mail_host,
  case when h.at < coalesce(r.sent_at, m.accepted_at) + :first then 1 else 0 end as early,
  exists (select 1 from seeds s where s.team = h.team and s.address = lower(r.address)) as seed
from hits h join verdicts v on v.hit = h.id and v.until is null
left join messages m on m.id = h.message left join recipients r on r.id = h.recipient
where h.settled = 0 and h.at < :before order by h.at limit :limit;

-- hits_to_settle [postgresql]: the same, stepping over what another worker is just settling
select h.id, h.team, h.message, h.recipient, h.channel, v.label, v.permille, v.reasons, v.rules, r.address, r.mail_host,
  case when h.at < coalesce(r.sent_at, m.accepted_at) + :first then 1 else 0 end as early,
  exists (select 1 from seeds s where s.team = h.team and s.address = lower(r.address)) as seed
from hits h join verdicts v on v.hit = h.id and v.until is null
left join messages m on m.id = h.message left join recipients r on r.id = h.recipient
where h.settled = 0 and h.at < :before order by h.at limit :limit for update of h skip locked;

-- copies_settled: of which of these messages' copies hits have settled, opens and clicks, early and later ones apart
select distinct h.recipient, h.channel,
  case when h.at < coalesce(r.sent_at, m.accepted_at) + :first then 1 else 0 end as early
from hits h join messages m on m.id = h.message join recipients r on r.id = h.recipient
where h.settled = 1 and h.message in (select value from json_each(:messages));

-- settle_hit: the whole address goes, and with a level below full everything about the client
update hits set address = null, settled = 1,
  network = case when level = 3 then network end, agent = case when level = 3 then agent end,
  headers = case when level = 3 then headers else '{}' end
where id = :id and settled = 0;

-- count_habit: so many more copies came to this; once :most are counted, the older ones count half
insert into habits (team, domain, channel, early, mail_host, people, machines)
values (:team, :name, :channel, :early, :mail_host, :people, :machines)
on conflict (team, domain, channel, early) do update set
  mail_host = case when excluded.mail_host = '' then habits.mail_host else excluded.mail_host end,
  people = habits.people / (case when habits.people + habits.machines >= :most then 2 else 1 end) + excluded.people,
  machines = habits.machines / (case when habits.people + habits.machines >= :most then 2 else 1 end) + excluded.machines;

-- habits_of: what hits came to under these names
select domain as name, channel, early, people, machines from habits
where team = :team and domain in (select value from json_each(:names));
