-- seed_message: made-up mail, with what its recipients' hits came to
insert into messages (id, team, sender, message_id, thread, subject, from_address, size, key_id, tracking_url, untouched,
  link_count, accepted_at, active_at, opened, clicked, replied)
values (:id, :team, :sender, :message_id, :thread, :subject, :from_address, 20000, 0, '', null, :link_count, :at,
  :active_at, :opened, :clicked, :replied);

-- seed_recipient: one of its recipients
insert into recipients (id, team, message, address, address_key, domain, accepted_at, name, role, pixels, links,
  untracked, state, hop, due_at, attempts, reply, sent_at, opened, clicked, opens, clicks, machines, fetched, apple,
  scanned, opened_at, clicked_at, replied_at)
values (:id, :team, :message, :address, :address, :domain, :at, :name, 'to', 3, 3, null, :state, '', null, 1, :reply,
  :sent_at, :opened, :clicked, :opens, :clicks, :machines, :fetched, :apple, :scanned, :opened_at, :clicked_at,
  :replied_at);

-- seed_settled: nothing is to be learned from what they got
update hits set settled = 1 where message >= :first and message <= :last;

-- seed_sums: what is counted of the made-up messages from :first on
insert into sums (message, team, sender, day, copies, measurable, sent, bounced, opened, probably, cannot_know, clicked,
  replied, opens, clicks, raw_opens, raw_clicks, machines, measured, fetched, pixel_and_link, pixel, link, apple_proven,
  apple_clicked, apple_silent, scanned)
select m.id, m.team, m.sender, m.accepted_at / 86400000000, count(r.id), count(r.id),
  sum(case when r.state = 'sent' then 1 else 0 end), sum(case when r.state = 'bounced' then 1 else 0 end),
  sum(case when r.opened = 'seen' then 1 else 0 end), sum(case when r.opened = 'probably' then 1 else 0 end),
  sum(case when r.opened = 'cannot_know' then 1 else 0 end),
  sum(case when r.clicked in ('seen', 'probably') then 1 else 0 end),
  sum(case when r.replied_at is not null then 1 else 0 end), sum(r.opens), sum(r.clicks),
  (select count(*) from hits h where h.message = m.id and h.channel = 'open'),
  (select count(*) from hits h where h.message = m.id and h.channel = 'click'), sum(r.machines),
  sum(case when r.state = 'sent' then 1 else 0 end),
  sum(case when r.state = 'sent' and r.fetched = 1 then 1 else 0 end),
  sum(case when r.state = 'sent' and r.apple = 0 and r.opens > 0 and r.clicks > 0 then 1 else 0 end),
  sum(case when r.state = 'sent' and r.apple = 0 and r.opens > 0 and r.clicks = 0 then 1 else 0 end),
  sum(case when r.state = 'sent' and r.apple = 0 and r.opens = 0 and r.clicks > 0 then 1 else 0 end),
  sum(case when r.state = 'sent' and r.apple = 1 and (r.opens > 0 or r.clicks > 0) then 1 else 0 end),
  sum(case when r.state = 'sent' and r.apple = 1 and r.clicks > 0 then 1 else 0 end),
  sum(case when r.state = 'sent' and r.apple = 1 and r.opens = 0 and r.clicks = 0 then 1 else 0 end),
  sum(case when r.state = 'sent' and r.scanned = 1 then 1 else 0 end)
from messages m join recipients r on r.message = m.id
where m.id >= :first and m.id <= :last group by m.id, m.team, m.sender, m.accepted_at;

-- seed_domains: and by recipients' domain
update sums set domains = :domains where message = :message;

-- any_seeded: one of the made-up messages, and whose it is
select team from messages where id >= :first and id <= :last limit 1;

-- first_signs: how far the team has come, with mail that is not made up (in order, so that an index is gone along)
select
  coalesce((select 1 from sums where team = :team and message < :first order by team, message limit 1),
    (select 1 from sums where team = :team and message > :last order by team, message limit 1), 0) as messages,
  coalesce((select 1 from sums where team = :team and message < :first and copies > 0 order by team, message limit 1),
    (select 1 from sums where team = :team and message > :last and copies > 0 order by team, message limit 1), 0) as tracked,
  coalesce((select 1 from sums where team = :team and message < :first
    and opened + probably + cannot_know > 0 order by team, message limit 1),
    (select 1 from sums where team = :team and message > :last
    and opened + probably + cannot_know > 0 order by team, message limit 1), 0) as seen;

-- seeded_page: some of the made-up mail
select id from messages where id >= :first and id <= :last order by id limit :limit;

-- unseed_empty_days: and without those that were theirs alone
delete from days where messages = 0 and :first <= :last;

-- seeded_labels: what some made-up mail is called
select message, label from labels where message >= :first and message <= :last;

-- unseed_facets: what it was cut by
delete from facets where message >= :first and message <= :last;

-- unseed_empty_day_facets: and its days
delete from day_facets where opens = 0 and clicks = 0 and machines = 0;

-- unseed_sums: what was counted of them
delete from sums where message >= :first and message <= :last;

-- unseed_search: what they were found by
delete from search where message >= :first and message <= :last;

-- unseed_labels: what they were called
delete from labels where message >= :first and message <= :last;

-- unseed_reminders: what somebody wanted to be told of them
delete from reminders where message >= :first and message <= :last;

-- unseed_said: what somebody said of them
delete from said where message >= :first and message <= :last;

-- unseed_events: what was told of them
delete from events where message >= :first and message <= :last;

-- unseed_verdicts: what was believed of them
delete from verdicts where message >= :first and message <= :last;

-- unseed_hits: what was seen of them
delete from hits where message >= :first and message <= :last;

-- unseed_recipients: whom they went to
delete from recipients where message >= :first and message <= :last;

-- unseed_messages: and themselves
delete from messages where id >= :first and id <= :last;
