-- add_seed: nobody reads this mailbox
insert into seeds (team, address, made_at) values (:team, :address, :at) on conflict (team, address) do nothing;

-- drop_seed: it is a mailbox like any other
delete from seeds where team = :team and address = :address;

-- seeds_of: the mailboxes that nobody reads
select address, made_at from seeds where team = :team order by address;

-- hits_on_seeds: the fetches of the newest copies to seed mailboxes, with all that was thought of each
select subquery.recipient, h.id as hit, h.channel, v.label, v.permille, v.reasons, v.rules
from (select r.id as recipient, r.message from seeds s cross join recipients r  -- in this order: the seeds are few
    where s.team = :team and r.team = :team and r.address_key = s.address and r.accepted_at >= s.made_at
    order by r.accepted_at desc limit :limit) subquery
join hits h on h.message = subquery.message and h.recipient = subquery.recipient and coalesce(h.link, 0) <> 65535
join verdicts v on v.hit = h.id order by subquery.recipient, h.at, h.id, v.revision limit :rows;

-- hits_before_answers: the fetches by which people who answered could have been recognised
select subquery.recipient, h.id as hit, h.channel, v.label, v.permille, v.reasons, v.rules
from (select r.id as recipient, r.message, r.replied_at
    from (select id, accepted_at from messages where team = :team and replied = 1
      order by accepted_at desc limit :limit) newest_subquery
    join recipients r on r.message = newest_subquery.id and r.replied_at is not null limit :limit) subquery
join hits h on h.message = subquery.message and h.recipient = subquery.recipient and h.at < subquery.replied_at
  and coalesce(h.link, 0) <> 65535
join verdicts v on v.hit = h.id order by subquery.recipient, h.at, h.id, v.revision limit :rows;

-- hits_spoken_of: the hits of which the team said who it was, with all that was thought of each
select h.recipient, h.id as hit, h.channel, v.label, v.permille, v.reasons, v.rules
from said d join hits h on h.id = d.hit join verdicts v on v.hit = h.id
where d.team = :team and d.what = :what order by d.at desc, h.id, v.revision limit :rows;
