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

-- seed_days: and of their days
insert into days (team, day, sender, messages, copies, measurable, sent, bounced, opened, probably, cannot_know,
  clicked, replied, unsubscribed, complained, opens, clicks, raw_opens, raw_clicks, machines, measured, fetched,
  pixel_and_link, pixel, link, apple_proven, apple_clicked, apple_silent, scanned)
select team, day, sender, count(*), sum(copies), sum(measurable), sum(sent), sum(bounced), sum(opened),
  sum(probably), sum(cannot_know), sum(clicked), sum(replied), sum(unsubscribed), sum(complained), sum(opens),
  sum(clicks), sum(raw_opens), sum(raw_clicks), sum(machines), sum(measured), sum(fetched), sum(pixel_and_link), sum(pixel),
  sum(link), sum(apple_proven), sum(apple_clicked), sum(apple_silent), sum(scanned)
from sums where message >= :first and message <= :last group by team, day, sender
on conflict (team, day, sender) do update set messages = days.messages + excluded.messages,
  copies = days.copies + excluded.copies, measurable = days.measurable + excluded.measurable, sent = days.sent +
  excluded.sent, bounced = days.bounced + excluded.bounced, opened = days.opened + excluded.opened, probably =
  days.probably + excluded.probably, cannot_know = days.cannot_know + excluded.cannot_know, clicked = days.clicked +
  excluded.clicked, replied = days.replied + excluded.replied, unsubscribed = days.unsubscribed +
  excluded.unsubscribed, complained = days.complained + excluded.complained, opens = days.opens + excluded.opens,
  clicks = days.clicks + excluded.clicks, raw_opens = days.raw_opens + excluded.raw_opens, raw_clicks =
  days.raw_clicks + excluded.raw_clicks, machines = days.machines + excluded.machines, measured = days.measured +
  excluded.measured, fetched = days.fetched + excluded.fetched, pixel_and_link = days.pixel_and_link + excluded.pixel_and_link, pixel = days.pixel
  + excluded.pixel, link = days.link + excluded.link, apple_proven = days.apple_proven + excluded.apple_proven,
  apple_clicked = days.apple_clicked + excluded.apple_clicked, apple_silent = days.apple_silent +
  excluded.apple_silent, scanned = days.scanned + excluded.scanned;

-- any_seeded: one of the made-up messages, and whose it is
select team from messages where id >= :first and id <= :last limit 1;

-- first_signs: how far the team has come, with mail that is not made up
select
  exists (select 1 from sums where team = :team and message < :first)
    or exists (select 1 from sums where team = :team and message > :last) as messages,
  exists (select 1 from sums where team = :team and copies > 0 and message < :first)
    or exists (select 1 from sums where team = :team and copies > 0 and message > :last) as tracked,
  exists (select 1 from sums where team = :team and opened + probably + cannot_know > 0 and message < :first)
    or exists (select 1 from sums where team = :team and opened + probably + cannot_know > 0
      and message > :last) as seen;

-- seeded_page: some of the made-up mail
select id from messages where id >= :first and id <= :last order by id limit :limit;

-- unseed_days: their days without them
update days set (messages, copies, measurable, sent, bounced, opened, probably, cannot_know, clicked, replied,
  unsubscribed, complained, opens, clicks, raw_opens, raw_clicks, machines, measured, fetched, pixel_and_link, pixel, link,
  apple_proven, apple_clicked, apple_silent, scanned) = (
  select days.messages - count(*), days.copies - sum(s.copies), days.measurable - sum(s.measurable), days.sent -
  sum(s.sent), days.bounced - sum(s.bounced), days.opened - sum(s.opened), days.probably - sum(s.probably),
  days.cannot_know - sum(s.cannot_know), days.clicked - sum(s.clicked), days.replied - sum(s.replied),
  days.unsubscribed - sum(s.unsubscribed), days.complained - sum(s.complained), days.opens - sum(s.opens),
  days.clicks - sum(s.clicks), days.raw_opens - sum(s.raw_opens), days.raw_clicks - sum(s.raw_clicks), days.machines
  - sum(s.machines), days.measured - sum(s.measured), days.fetched - sum(s.fetched), days.pixel_and_link - sum(s.pixel_and_link),
  days.pixel - sum(s.pixel), days.link - sum(s.link), days.apple_proven - sum(s.apple_proven), days.apple_clicked -
  sum(s.apple_clicked), days.apple_silent - sum(s.apple_silent), days.scanned - sum(s.scanned)
  from sums s where s.team = days.team and s.day = days.day and s.sender = days.sender
  and s.message >= :first and s.message <= :last)
where exists (select 1 from sums s where s.team = days.team and s.day = days.day and s.sender = days.sender
  and s.message >= :first and s.message <= :last);

-- unseed_empty_days: and without those that were theirs alone
delete from days where messages = 0 and :first <= :last;

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
