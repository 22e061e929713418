-- remind: remind this sender of one of the team's messages, in place of what was asked before
insert into reminders (sender, message, team, unless, due_at, made_at)
select :sender, id, team, :unless, :due_at, :at from messages where id = :message and team = :team
on conflict (sender, message) do update set unless = excluded.unless, due_at = excluded.due_at,
  made_at = excluded.made_at, ended_at = null, ended = '';

-- forget_reminder: not any more
update reminders set ended_at = :at, ended = 'cancelled'
where sender = :sender and message = :message and (ended_at is null or ended = 'due');

-- reminder_of: what this sender asked for one message, while it waits or has just come due
select message, unless, due_at, ended from reminders
where sender = :sender and message = :message and (ended_at is null or ended = 'due');

-- needless_reminders: of messages answered, or where any sign is enough, opened or clicked since it was asked for
select d.sender, d.message, d.made_at, case when m.replied = 1 then 'answered' else 'seen' end as why
from reminders d join messages m on m.id = d.message
where d.ended_at is null and d.unless in ('answered', 'seen')
and (m.replied = 1 or (d.unless = 'seen' and exists (
  select 1 from recipients r
  where r.message = d.message and (r.opened_at >= d.made_at or r.clicked_at >= d.made_at))))
limit :limit;

-- due_reminders: whom to remind now
select sender, message, team, made_at from reminders where ended_at is null and due_at <= :now
order by due_at limit :limit;

-- end_reminder: this one is over; nothing when it was already, or something else was asked for meanwhile
update reminders set ended_at = :now, ended = :why
where sender = :sender and message = :message and made_at = :made_at and ended_at is null;
