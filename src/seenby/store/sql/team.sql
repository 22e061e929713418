-- hold_team: whoever changes the team's members takes turns
update teams set name = name where id = :id;

-- team_by_id: one team
select id, name, pixels, links from teams where id = :id;

-- set_team_name: what the team calls itself
update teams set name = :name where id = :id;

-- set_team_ceiling: the most that the team's pixels and links may do
update teams set pixels = :pixels, links = :links where id = :id;

-- member: one sender, if the team's
select s.*, t.pixels as team_pixels, t.links as team_links
from senders s join teams t on t.id = s.team where s.id = :id and s.team = :team;

-- other_owner: an owner of the team besides this one
select id from senders where team = :team and role = 'owner' and id <> :id limit 1;

-- end_sessions: sign all of a sender's browsers out, which their links cannot undo
delete from sessions where sender = :sender;

-- drop_sign_in_links: a sender's links that were not used
delete from sign_in_links where sender = :sender;

-- drop_sender: somebody leaves the team
delete from senders where id = :sender;

-- drop_addresses: what the sender could write as
delete from addresses where sender = :sender;

-- drop_preferences: what the sender chose for themselves
delete from preferences where sender = :sender;

-- drop_push_subscriptions: where the sender wanted to be notified
delete from push_subscriptions where sender = :sender;

-- drop_passkeys: the sender's devices
delete from passkeys where sender = :sender;

-- drop_identities: who the sender was elsewhere
delete from identities where sender = :sender;

-- drop_saved_filters: lists the sender looked at
delete from saved_filters where sender = :sender;

-- drop_saved_reports: reports the sender wanted
delete from saved_reports where sender = :sender;

-- drop_reminders: what the sender wanted to be reminded of
delete from reminders where sender = :sender;

-- drop_unwatched: messages the sender wanted to hear no more of
delete from unwatched where sender = :sender;

-- drop_mailbox: the sender's Sent folder
delete from mailboxes where sender = :sender;

-- drop_attachments_of: what was attached to the sender's drafts
delete from attachments where draft in (select id from drafts where sender = :sender);

-- drop_drafts: what the sender was writing
delete from drafts where sender = :sender;

-- give_templates: texts that are shared stay with the team, in somebody's care
update templates set sender = :to where team = :team and sender = :sender and shared = 1;

-- drop_templates: texts of the sender's own
delete from templates where team = :team and sender = :sender and shared = 0;

-- put_admin_log: what an administrator did
insert into admin_log (team, sender, action, detail, at) values (:team, :sender, :action, :detail, :at);

-- admin_log: what administrators did before this, newest first
select a.seq, a.sender, a.action, a.detail, a.at, s.address
from admin_log a left join senders s on s.id = a.sender
where a.team = :team and a.seq < :before order by a.seq desc limit :limit;

-- latest_of_sender: what a sender sent last
select id, subject, accepted_at from messages where sender = :sender order by accepted_at desc limit 1;

-- earlier_of_sender: whether a sender had sent anything before
select id from messages where sender = :sender and accepted_at < :since limit 1;

-- own_networks: what a team says is its own
select network, name, made_at from own_networks where team = :team order by network;

-- put_own_network: one more, or another name for it
insert into own_networks (team, network, name, made_at) values (:team, :network, :name, :at)
on conflict (team, network) do update set name = excluded.name;

-- drop_own_network: it is nobody's in particular again
delete from own_networks where team = :team and network = :network;

-- judge_unsettled: messages with hits that still have their whole address are judged again
update messages set judge_at = :at
where team = :team and id in (select h.message from hits h where h.settled = 0 and h.at > :since and h.team = :team);

-- waiting: copies that have no fate yet, and since when the oldest waits
select count(*) as copies, min(accepted_at) as oldest from recipients where due_at is not null;

-- waiting_judgements: messages that should have been read by now, and since when the oldest waits
select count(*) as messages, min(judge_at) as oldest from messages where judge_at <= :now;

-- database_size: how much the store takes
select page_count * page_size as bytes, sqlite_version() as version from pragma_page_count(), pragma_page_size();

-- database_size [postgresql]: how much the store takes
select pg_database_size(current_database()) as bytes, current_setting('server_version') as version;
