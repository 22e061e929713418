-- saved_reports_of: the reports that this sender wants again
select id, name, query, every, form, mail_to, due_at, mailed_at, problem from saved_reports
where sender = :sender order by name, id;

-- save_report: one more; not without end
insert into saved_reports (id, team, sender, name, query, every, form, mail_to, due_at, made_at)
select :id, :team, :sender, :name, :query, :every, :form, :mail_to, :due_at, :at
where (select count(*) from saved_reports where sender = :sender) < :most;

-- forget_report: one less
delete from saved_reports where id = :id and sender = :sender;

-- due_reports: the reports that are to be mailed
select id, team, sender, name, query, every, form, mail_to, due_at from saved_reports
where due_at <= :now order by due_at limit :limit;

-- report_mailed: it was, or could not be; when it is due next
update saved_reports set due_at = :next, mailed_at = coalesce(cast(:at as bigint), mailed_at), problem = :problem where id = :id and due_at = :due_at;
