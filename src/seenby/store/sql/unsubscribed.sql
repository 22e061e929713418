-- add_unsubscribed: this address wants no more mail from the team; nothing when we knew the address
insert into unsubscribed (team, address, message, at, last_at) values (:team, :address, :message, :at, :at)
on conflict (team, address) do nothing;

-- unsubscribe_again: the wish is in force once more after it was lifted; nothing for a wish that is not a new one
update unsubscribed set message = :message, at = :at, last_at = :at, lifted_at = null, lifted_by = null, lifted_why = ''
where team = :team and address = :address and lifted_at is not null and last_at < :at;

-- note_unsubscribed: they said it once more
update unsubscribed set last_at = :at where team = :team and address = :address and lifted_at is null and last_at < :at;

-- is_unsubscribed: whether this address wants no mail from the team
select 1 as yes from unsubscribed where team = :team and address = :address and lifted_at is null;

-- unsubscribed: everybody who unsubscribed, those who may be written to again at the end
select u.address, u.message, u.at, u.lifted_at, u.lifted_why, m.subject, s.address as lifted_by
from unsubscribed u left join messages m on m.id = u.message and m.team = u.team
left join senders s on s.id = u.lifted_by
where u.team = :team
order by case when u.lifted_at is null then 0 else 1 end, coalesce(u.lifted_at, u.at) desc, u.address limit :limit;

-- count_unsubscribed: how many people want no mail from the team
select count(*) as n from unsubscribed where team = :team and lifted_at is null;

-- lift_unsubscribed: they asked to be written to again
update unsubscribed set lifted_at = :at, lifted_by = :sender, lifted_why = :why
where team = :team and address = :address and lifted_at is null;

-- take_lift_back: it was lifted by mistake
update unsubscribed set lifted_at = null, lifted_by = null, lifted_why = ''
where team = :team and address = :address and lifted_at is not null;

-- recipient_of_token: who a token speaks of
select id, team, message, address, untracked from recipients where id = :id and message = :message;

-- unsubscribed_from: who unsubscribed from one message, and when
select e.recipient, e.at from events e where e.message = :message and e.kind = 'unsubscribed' order by e.seq;
