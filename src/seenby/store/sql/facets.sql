-- facets_of: what was counted of one message
select client, system, country, hour, cause from facets where message = :message;

-- put_facets: what is counted of one message from now on
insert into facets (message, team, sender, day, client, system, country, hour, cause)
values (:message, :team, :sender, :day, :client, :system, :country, :hour, :cause)
on conflict (message) do update set client = excluded.client, system = excluded.system, country = excluded.country,
  hour = excluded.hour, cause = excluded.cause;

-- add_to_day_facet: a day's facet changes by so much
insert into day_facets (team, dimension, day, sender, value, opens, clicks, machines)
values (:team, :dimension, :day, :sender, :value, :opens, :clicks, :machines)
on conflict (team, dimension, day, sender, value) do update set opens = day_facets.opens + excluded.opens,
  clicks = day_facets.clicks + excluded.clicks, machines = day_facets.machines + excluded.machines;

-- day_facets: one dimension of a team's days, from one day to before another; of one sender, or of all where it is empty
select value, sum(opens) as opens, sum(clicks) as clicks, sum(machines) as machines from day_facets
where team = :team and dimension = :dimension and day >= :since and day < :until
and (:sender = '' or sender = :sender)
group by value;

-- label_facets: the same of messages with one label
select json_each.key as value, sum(json_extract(json_each.value, '$[0]')) as opens, sum(json_extract(json_each.value, '$[1]')) as clicks,
  sum(json_extract(json_each.value, '$[2]')) as machines
from labels l join facets f on f.message = l.message join json_each(case :dimension when 'client' then f.client when 'system' then f.system when 'country' then f.country
    when 'hour' then f.hour else f.cause end)
where l.team = :team and l.label = :label and l.accepted_at >= :since and l.accepted_at < :until
and (:sender = '' or f.sender = :sender)
group by json_each.key;

-- label_facets [postgresql]: the same
select j.key as value, sum(cast(j.value ->> 0 as integer)) as opens, sum(cast(j.value ->> 1 as integer)) as clicks,
  sum(cast(j.value ->> 2 as integer)) as machines
from labels l join facets f on f.message = l.message
  cross join lateral json_each(cast(case cast(:dimension as text) when 'client' then f.client when 'system' then f.system when 'country' then f.country
    when 'hour' then f.hour else f.cause end as json)) j
where l.team = :team and l.label = :label and l.accepted_at >= :since and l.accepted_at < :until
and (:sender = '' or f.sender = :sender)
group by j.key;
