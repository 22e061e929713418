-- add_team: a team with its ceiling
insert into teams (id, name, pixels, links, made_at) values (:id, :name, :pixels, :links, :at);

-- first_team: the oldest team
select id, name, pixels, links from teams order by made_at, id limit 1;

-- add_team_domain: mail to this domain goes to colleagues
insert into team_domains (team, domain) values (:team, :domain) on conflict do nothing;

-- team_domains: the domains of a team
select domain from team_domains where team = :team order by domain;

-- drop_team_domain: mail to this domain goes to outsiders again
delete from team_domains where team = :team and domain = :domain;

-- add_sender: somebody who may submit mail and sign in
insert into senders (id, team, address, role, password_hash, pixels, links, notify, next_hop, bell_seen, made_at)
values (:id, :team, :address, :role, :password_hash, :pixels, :links, 1, :next_hop, :bell_seen, :at);

-- add_address: an address the sender may write as From
insert into addresses (address, team, sender) values (:address, :team, :sender) on conflict do nothing;

-- drop_address: an address the sender may no longer write as From
delete from addresses where address = :address and sender = :sender;

-- addresses_of: what the sender may write as From
select address from addresses where sender = :sender order by address;

-- addresses_of_team: what anybody in the team may write as From
select address from addresses where team = :team;

-- sender_by_address: the sender who signs in, or submits, as this address
select s.*, t.pixels as team_pixels, t.links as team_links
from senders s join teams t on t.id = s.team where s.address = :address;

-- sender_by_id: one sender
select s.*, t.pixels as team_pixels, t.links as team_links
from senders s join teams t on t.id = s.team where s.id = :id;

-- teams_at_domain: the teams that have an account at a domain
select distinct team from senders where substr(address, length(address) - length(:domain)) = '@' || :domain;

-- everybody_who_sends: of all teams, the first to come first
select s.*, t.pixels as team_pixels, t.links as team_links
from senders s join teams t on t.id = s.team order by t.made_at, s.made_at, s.id;

-- senders_of: everybody in the team
select s.*, t.pixels as team_pixels, t.links as team_links,
  (select count(*) from passkeys p where p.sender = s.id) as passkeys
from senders s join teams t on t.id = s.team where s.team = :team order by s.made_at, s.id;

-- set_password: a new SMTP password
update senders set password_hash = :password_hash where id = :id;

-- set_role: what somebody may do in the team
update senders set role = :role where id = :id;

-- set_switches: the sender's three switches
update senders set pixels = :pixels, links = :links, notify = :notify where id = :id;

-- set_wishes: what the sender wants of the rewriting
update senders set wishes = :wishes where id = :id;

-- set_unsubscribe: whether recipients of this sender's mail get a way to unsubscribe
update senders set unsubscribe = :unsubscribe where id = :id;

-- set_next_hop: the server this sender's mail goes to; empty for the installation's
update senders set next_hop = :next_hop where id = :id;

-- put_sign_in_link: a link that signs in once
insert into sign_in_links (hash, team, sender, ends_at) values (:hash, :team, :sender, :ends_at);

-- use_sign_in_link: spend it; nothing when it was spent or is too old
update sign_in_links set used_at = :now where hash = :hash and used_at is null and ends_at > :now returning sender, team;

-- put_session: a signed-in browser
insert into sessions (hash, team, sender, ends_at, made_at, agent)
values (:hash, :team, :sender, :ends_at, :made_at, :agent);

-- sessions_of: the browsers that a sender is signed in with, newest first
select hash, ends_at, made_at, agent from sessions where sender = :sender and ends_at > :now
order by made_at desc, hash;

-- end_session_of: sign one of a sender's browsers out
delete from sessions where sender = :sender and hash = :hash;

-- end_other_sessions: sign all of a sender's browsers out but this
delete from sessions where sender = :sender and hash <> :hash;

-- session_since: when this sender signed in with this browser
select made_at from sessions where hash = :hash and sender = :sender;

-- sign_in_hash: the password that opens the pages, as its hash
select sign_in_hash from senders where id = :id;

-- set_sign_in_hash: another
update senders set sign_in_hash = :sign_in_hash where id = :id;

-- session_sender: who this browser is signed in as
select s.*, t.pixels as team_pixels, t.links as team_links
from sessions x join senders s on s.id = x.sender join teams t on t.id = s.team
where x.hash = :hash and x.ends_at > :now;

-- end_session: sign this browser out
delete from sessions where hash = :hash;

-- sweep_sessions: forget what has ended
delete from sessions where ends_at < :now;

-- sweep_sign_in_links: forget what has ended
delete from sign_in_links where ends_at < :now;

-- put_place: the team worked from this address
insert into places (team, address, seen_at) values (:team, :address, :at)
on conflict (team, address) do update set seen_at = excluded.seen_at;

-- places: the addresses the team worked from lately
select address from places where team = :team and seen_at > :since;

-- sweep_places: forget where the team worked from long ago
delete from places where seen_at < :before;

-- see_bell: the sender has looked at everything up to here
update senders set bell_seen = :seq where id = :id and bell_seen < :seq;

-- setting: one setting of the team
select value from settings where team = :team and name = :name;

-- put_setting: keep one setting of the team
insert into settings (team, name, value) values (:team, :name, :value)
on conflict (team, name) do update set value = excluded.value;

-- owner_of_address: who may write this address as From
select sender, team from addresses where address = :address;
