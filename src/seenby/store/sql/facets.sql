-- facets_of: what was counted of one message
select dimension, value, opens, clicks, machines from facets where message = :message;

-- put_facet: what is counted of one message from now on
insert into facets (message, dimension, value, team, sender, day, opens, clicks, machines)
values (:message, :dimension, :value, :team, :sender, :day, :opens, :clicks, :machines)
on conflict (message, dimension, value) do update set
  opens = excluded.opens, clicks = excluded.clicks, machines = excluded.machines;

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
select f.value, sum(f.opens) as opens, sum(f.clicks) as clicks, sum(f.machines) as machines
from labels l join facets f on f.message = l.message and f.dimension = :dimension
where l.team = :team and l.label = :label and l.accepted_at >= :since and l.accepted_at < :until
and (:sender = '' or f.sender = :sender)
group by f.value;
