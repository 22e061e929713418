-- preference: what somebody has chosen
select value from preferences where sender = :sender and name = :name;

-- put_preference: choose it
insert into preferences (sender, name, team, value) values (:sender, :name, :team, :value)
on conflict (sender, name) do update set value = excluded.value;

-- preferences_of: all of it
select name, value from preferences where sender = :sender;

-- drop_preference: choose nothing there
delete from preferences where sender = :sender and name = :name;
