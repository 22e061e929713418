-- mailbox_of: where a sender's Sent folder is
select * from mailboxes where sender = :sender;

-- put_mailbox: connect it, in place of what was connected
insert into mailboxes (sender, team, url, folder, tried_at, problem) values (:sender, :team, :url, :folder, :at, '')
on conflict (sender) do update set url = excluded.url, folder = excluded.folder, tried_at = excluded.tried_at, problem = '';

-- note_mailbox: how the last try went; an empty problem is none
update mailboxes set tried_at = :at, problem = :problem where sender = :sender;
