-- any_message: whether the team has sent anything
select 1 from messages where team = :team and sender is not null limit 1;

-- senders_of_team: who sends mail for the team
select id, address from senders where team = :team order by address;

-- labels_of_team: every label the team uses, from each to the next (there are many messages and few labels)
with recursive used(label) as (
  select min(label) from labels where team = :team
  union all
  select (select min(label) from labels where team = :team and label > used.label) from used where used.label is not null)
select label from used where label is not null limit 200;

-- add_label: call some of the team's messages so; those that were not called so before
insert into labels (team, label, message, accepted_at)
select team, :label, id, accepted_at from messages
where team = :team and id in (select value from json_each(:messages))
on conflict do nothing returning message;

-- drop_label: call them so no longer; those that were
delete from labels where team = :team and label = :label and message in (select value from json_each(:messages))
returning message;

-- unwatch: this sender hears no bell for one of the team's messages
insert into unwatched (sender, message, team)
select :sender, id, team from messages where id = :message and team = :team
on conflict do nothing;

-- watch: they hear it again
delete from unwatched where sender = :sender and message = :message and team = :team;

-- is_unwatched: whether this sender hears no bell for it
select 1 from unwatched where sender = :sender and message = :message;

-- saved_filters: the lists that this sender looks at again and again
select id, name, query from saved_filters where sender = :sender order by name;

-- save_filter: one more of them, or another under the same name; not without end
insert into saved_filters (id, team, sender, name, query, made_at)
select :id, :team, :sender, :name, :query, :at
where (select count(*) from saved_filters where sender = :sender) < :most
on conflict (id) do update set query = excluded.query;

-- forget_filter: one less
delete from saved_filters where id = :id and sender = :sender;
