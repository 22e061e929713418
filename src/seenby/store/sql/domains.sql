-- or_add_to_domain [part]: a day's domain that is there changes by so much
on conflict (team, label, sender, day, domain) do update set copies = day_domains.copies + excluded.copies,
  sent = day_domains.sent + excluded.sent, measured = day_domains.measured + excluded.measured,
  opened = day_domains.opened + excluded.opened, clicked = day_domains.clicked + excluded.clicked,
  replied = day_domains.replied + excluded.replied, bounced = day_domains.bounced + excluded.bounced

-- add_to_day_domains: a message's copies to a domain changed by so much, and with them the day of all mail and of each
-- of its labels, of its sender and of everybody
insert into day_domains (team, label, sender, day, domain, copies, sent, measured, opened, clicked, replied, bounced)
select :team, called.label, whose.sender, :day, :domain, :copies, :sent, :measured, :opened, :clicked, :replied, :bounced
from (select '' as label union all select label from labels where message = :message) as called
cross join (select '' as sender union all select cast(:sender as text) as sender) as whose
where true order by called.label, whose.sender
{or_add_to_domain};

-- add_to_day_domain: a domain of one label's day, or of all mail's where it is empty, changes by so much
insert into day_domains (team, label, sender, day, domain, copies, sent, measured, opened, clicked, replied, bounced)
values (:team, :label, :sender, :day, :domain, :copies, :sent, :measured, :opened, :clicked, :replied, :bounced)
{or_add_to_domain};

-- drop_empty_day_domains: what is left of a domain after a message counts for it no more, where no other does
delete from day_domains where team = :team and sender in ('', :sender) and day = :day and domain = :domain
and label in (select '' as label union all select label from labels where message = :message) and copies = 0;

-- drop_empty_day_domain: the same of one label
delete from day_domains where team = :team and label = :label and sender = :sender and day = :day and domain = :domain
and copies = 0;

-- domains_of_several: what some messages count for, by domain
select team, day, sender, domains from sums where message in (select value from json_each(:messages));

-- domains_of_days: what became of the copies to each domain on days, of one label or of all mail, from one day to before
-- another; of one sender, or of all where it is empty. Those that strangers share are one, @. First what is no
-- organisation, then in the order that was asked for, most first; and beside each row (all_…) what all come to
select value, sum(copies) as copies, sum(sent) as sent, sum(measured) as measured, sum(opened) as opened,
  sum(clicked) as clicked, sum(replied) as replied, sum(bounced) as bounced, count(*) over () as all_values,
  sum(sum(copies)) over () as all_copies, sum(sum(sent)) over () as all_sent, sum(sum(measured)) over () as
  all_measured, sum(sum(opened)) over () as all_opened, sum(sum(clicked)) over () as all_clicked, sum(sum(replied)) over
  () as all_replied, sum(sum(bounced)) over () as all_bounced
from (
  select case when domain in (select value from json_each(:providers)) then '@' else domain end as value, copies, sent,
    measured, opened, clicked, replied, bounced
  from (
    select domain, sum(copies) as copies, sum(sent) as sent, sum(measured) as measured, sum(opened) as opened,
      sum(clicked) as clicked, sum(replied) as replied, sum(bounced) as bounced
    from day_domains
    where team = :team and label = :label and sender = :sender and day >= :since and day < :until group by domain
  ) as by_domain
) as found
group by value
order by case when value in ('@', '', 'erased.invalid') then 0 else 1 end,
  case :by when 'opened' then sum(opened) when 'clicked' then sum(clicked) when 'replied' then sum(replied)
    when 'bounced' then sum(bounced) else sum(sent) end desc, sum(copies) desc, value
limit :limit;
