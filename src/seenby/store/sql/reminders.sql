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

-- end_answered: nobody needs to be reminded of what was answered
update reminders set ended_at = :now, ended = 'answered'
where ended_at is null and unless in ('answered', 'seen')
and exists (select 1 from messages m where m.id = reminders.message and m.replied = 1);

-- end_seen: nor, where any sign was to be enough, of what a person opened or clicked since it was asked for
update reminders set ended_at = :now, ended = 'seen'
where ended_at is null and unless = 'seen'
and exists (select 1 from recipients r where r.message = reminders.message
  and (r.opened_at >= reminders.made_at or r.clicked_at >= reminders.made_at));

-- due_reminders: whom to remind now
select sender, message, team, made_at from reminders where ended_at is null and due_at <= :now
order by due_at limit :limit;

-- end_due: this one has come due; nothing when it had ended already
update reminders set ended_at = :now, ended = 'due'
where sender = :sender and message = :message and ended_at is null and due_at <= :now;
