-- save_draft: what its writer has typed, while it is theirs to change
update drafts set content = :content, changed_at = :at, state = 'draft', problem = ''
where id = :id and sender = :sender and state in ('draft', 'failed');

-- add_draft: a new one, as long as the writer has not too many
insert into drafts (id, team, sender, content, made_at, changed_at)
select :id, :team, :sender, :content, cast(:at as bigint), cast(:at as bigint)
where (select count(*) from drafts where sender = :sender and state in ('draft', 'failed', 'waiting')) < :most
on conflict do nothing;

-- draft: one of a writer's own
select * from drafts where id = :id and sender = :sender;

-- drafts_of: what a writer has not sent yet, latest first
select id, content, state, send_at, problem, changed_at from drafts
where sender = :sender and state in ('draft', 'failed', 'waiting') order by changed_at desc, id;

-- count_drafts: how many a writer has not sent, and how many of them could not be
select count(*) as n, sum(case when state = 'failed' then 1 else 0 end) as failed from drafts
where sender = :sender and state in ('draft', 'failed', 'waiting');

-- schedule_draft: let it go at its time
update drafts set state = 'waiting', send_at = :send_at, claimed_by = null, problem = ''
where id = :id and sender = :sender and state in ('draft', 'failed');

-- cancel_draft: it does not go; nothing once it has gone
update drafts set state = 'draft', send_at = null, claimed_by = null, changed_at = :at
where id = :id and sender = :sender and state = 'waiting';

-- delete_draft: away, for as long as it can be brought back
update drafts set state = 'deleted', changed_at = :at where id = :id and sender = :sender and state in ('draft', 'failed');

-- restore_draft: back again
update drafts set state = 'draft', changed_at = :at where id = :id and sender = :sender and state = 'deleted';

-- claim_drafts: take those that are due, ours until :until
update drafts set send_at = :until, claimed_by = :holder
where id in (select id from drafts where state = 'waiting' and send_at <= :now order by send_at limit :limit)
returning id, team, sender, content;

-- claim_drafts [postgresql]: the same, stepping over what another worker is just taking
update drafts set send_at = :until, claimed_by = :holder
where id in (
  select id from drafts where state = 'waiting' and send_at <= :now order by send_at limit :limit
  for update skip locked)
returning id, team, sender, content;

-- draft_sent: it becomes a message in this transaction; nothing if it was taken back, or is another's by now
update drafts set state = 'sent', send_at = null, claimed_by = null, changed_at = :at
where id = :id and state = 'waiting' and claimed_by = :holder;

-- name_message_of_draft: what it became
update drafts set message = :message where id = :id;

-- draft_failed: it cannot be sent, and why
update drafts set state = 'failed', send_at = null, claimed_by = null, problem = :problem, changed_at = :at
where id = :id and state = 'waiting' and claimed_by = :holder;

-- drop_files_of_old_drafts: of those that are away for good
delete from attachments where draft in (
  select id from drafts where state in ('deleted', 'sent') and changed_at < :before);

-- sweep_drafts: those that were sent or deleted long enough ago
delete from drafts where state in ('deleted', 'sent') and changed_at < :before;

-- add_attachment: a file that goes along, as long as there is room
insert into attachments (id, draft, team, name, type, size, raw, made_at)
values (:id, :draft, :team, :name, :type, :size, :raw, :at);

-- attachments_of: the files of a draft, without their bytes
select id, name, type, size from attachments where draft = :draft order by made_at, id;

-- files_of: the files of a draft
select id, name, type, raw from attachments where draft = :draft order by made_at, id;

-- drop_attachment: it does not go along
delete from attachments where id = :id and draft = :draft;

-- drop_attachments: none goes along
delete from attachments where draft = :draft;

-- attached_bytes: of all of a writer's drafts
select coalesce(sum(a.size), 0) as n from drafts d join attachments a on a.draft = d.id where d.sender = :sender;

-- sent_copy: a message that waits to be filed, and the mailbox it is for
select a.raw, a.team, a.made_at, a.draft, o.attempts
from attachments a join outbox o on o.event = a.id and o.channel = :channel where a.id = :event;

-- drop_sent_copy: it was filed, or never will be
delete from attachments where id = :event;

-- defer_outbox: tell it later
update outbox set due_at = :due_at where event = :event and channel = :channel and due_at is not null;
