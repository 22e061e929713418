-- facets_of: what was counted of one message
select client, system, country, hour, cause from facets where message = :message;

-- put_facets: what is counted of one message from now on
insert into facets (message, team, sender, day, client, system, country, hour, cause)
values (:message, :team, :sender, :day, :client, :system, :country, :hour, :cause)
on conflict (message) do update set client = excluded.client, system = excluded.system, country = excluded.country,
  hour = excluded.hour, cause = excluded.cause;

-- or_add_to_facet [part]: a day's facet that is there changes by so much
on conflict (team, label, dimension, day, sender, value) do update set opens = day_facets.opens + excluded.opens,
  clicks = day_facets.clicks + excluded.clicks, machines = day_facets.machines + excluded.machines

-- add_to_day_facets: a message's facet changed by so much, and with it the day of all mail and of each of its labels
insert into day_facets (team, label, dimension, day, sender, value, opens, clicks, machines)
select :team, label, :dimension, :day, :sender, :value, :opens, :clicks, :machines
from (select '' as label union all select label from labels where message = :message) as called
where true order by label
{or_add_to_facet};

-- add_to_day_facet: a facet of one label's day, or of all mail's where it is empty, changes by so much
insert into day_facets (team, label, dimension, day, sender, value, opens, clicks, machines)
values (:team, :label, :dimension, :day, :sender, :value, :opens, :clicks, :machines)
{or_add_to_facet};

-- facets_of_several: what was counted of some messages
select team, day, sender, client, system, country, hour, cause from facets
where message in (select value from json_each(:messages));

-- day_facets: one dimension of days, of one label or of all mail, from one day to before another; of one sender, or of all
-- where it is empty
select value, sum(opens) as opens, sum(clicks) as clicks, sum(machines) as machines from day_facets
where team = :team and label = :label and dimension = :dimension and day >= :since and day < :until
and (:sender = '' or sender = :sender)
group by value;
