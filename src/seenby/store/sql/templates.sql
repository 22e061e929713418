-- templates_of: a writer's own, and those that the team shares
select id, sender, name, subject, shared, changed_at from templates
where team = :team and (shared = 1 or sender = :sender) order by name, id;

-- template: one that a writer may use
select * from templates where id = :id and team = :team and (shared = 1 or sender = :sender);

-- add_template: a new one, as long as the team has not too many
insert into templates (id, team, sender, name, subject, html, shared, made_at, changed_at)
select :id, :team, :sender, :name, :subject, :html, cast(:shared as integer), cast(:at as bigint), cast(:at as bigint)
where (select count(*) from templates where team = :team) < :most
on conflict do nothing;

-- change_template: by its author, or by the team's owner if it is shared
update templates set name = :name, subject = :subject, html = :html, shared = :shared, changed_at = :at
where id = :id and team = :team and (sender = :sender or (shared = 1 and :is_owner = 1));

-- drop_template: by its author, or by the team's owner if it is shared
delete from templates where id = :id and team = :team and (sender = :sender or (shared = 1 and :is_owner = 1));
