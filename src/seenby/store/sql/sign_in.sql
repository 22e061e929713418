-- put_challenge: something was asked of a device, to be answered once and soon; nothing where it is there already
insert into challenges (hash, kind, value, ends_at) values (:hash, :kind, :value, :ends_at) on conflict (hash) do nothing;

-- take_challenge: spend it; nothing where it was never asked, was answered, or is too old
delete from challenges where hash = :hash and kind = :kind and ends_at > :now returning value;

-- open_challenges: how many wait for their answer
select count(*) as n from challenges where ends_at > :now;

-- sweep_challenges: forget what nobody answered
delete from challenges where ends_at < :now;

-- put_passkey: a device that lets a sender in; nothing where it is somebody's already
insert into passkeys (id, team, sender, public_key, sign_count, name, made_at)
values (:id, :team, :sender, :public_key, :sign_count, :name, :made_at) on conflict (id) do nothing;

-- passkeys_of: a sender's, oldest first
select id, name, made_at, used_at from passkeys where sender = :sender order by made_at, id;

-- passkey: one, whoever's it is
select id, sender, public_key from passkeys where id = :id;

-- any_passkey: whether anybody here has one
select id from passkeys order by id limit 1;

-- count_passkey: it was used; nothing where its counter did not rise, as that of a copy would not
update passkeys set sign_count = :count, used_at = :at
where id = :id and (sign_count < :count or (sign_count = 0 and :count = 0));

-- rename_passkey: what its owner calls it
update passkeys set name = :name where id = :id and sender = :sender;

-- drop_passkey: it lets nobody in any more
delete from passkeys where id = :id and sender = :sender;

-- identity: whose it is
select sender from identities where issuer = :issuer and subject = :subject;

-- identity_of: who a sender is at the provider
select issuer, subject, made_at from identities where sender = :sender and issuer = :issuer;

-- put_identity: from now on this account at the provider lets the sender in; nothing where it is somebody's already
insert into identities (issuer, subject, team, sender, made_at)
values (:issuer, :subject, :team, :sender, :made_at) on conflict (issuer, subject) do nothing;

-- drop_identity: the sender's account at the provider lets nobody in any more
delete from identities where sender = :sender and issuer = :issuer;
