-- hold_sums: nobody else counts this message until our transaction ends (on PostgreSQL, where several write at once)
update sums set message = message where message = :message;

-- sums_now: what is to be counted of one message, from its rows, and what was counted last (was_…); neither the team
-- nor mailboxes that nobody reads
select m.team, m.sender, m.accepted_at, m.untouched, m.notes, m.opened as best_opened, m.clicked as best_clicked,
  m.replied as any_replied,
  s.message as was, s.copies as was_copies, s.measurable as was_measurable, s.sent as was_sent, s.bounced as
  was_bounced, s.opened as was_opened, s.probably as was_probably, s.cannot_know as was_cannot_know, s.clicked
  as was_clicked, s.replied as was_replied, s.unsubscribed as was_unsubscribed, s.complained as was_complained,
  s.opens as was_opens, s.clicks as was_clicks, s.raw_opens as was_raw_opens, s.raw_clicks as was_raw_clicks,
  s.machines as was_machines, s.measured as was_measured, s.fetched as was_fetched, s.pixel_and_link as
  was_pixel_and_link, s.pixel as was_pixel, s.link as was_link, s.apple_proven as was_apple_proven,
  s.apple_clicked as was_apple_clicked, s.apple_silent as was_apple_silent, s.scanned as was_scanned, s.domains as was_domains,
  count(r.id) as copies,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null then 1 else 0 end), 0) as measurable,
  coalesce(sum(case when r.state = 'sent' then 1 else 0 end), 0) as sent,
  coalesce(sum(case when r.state in ('bounced', 'failed') then 1 else 0 end), 0) as bounced,
  coalesce(sum(case when r.opened = 'seen' then 1 else 0 end), 0) as opened,
  coalesce(sum(case when r.opened = 'probably' then 1 else 0 end), 0) as probably,
  coalesce(sum(case when r.opened = 'cannot_know' then 1 else 0 end), 0) as cannot_know,
  coalesce(sum(case when r.clicked = 'seen' then 1 else 0 end), 0) as clicked_surely,
  coalesce(sum(case when r.clicked = 'probably' then 1 else 0 end), 0) as clicked_probably,
  coalesce(sum(case when r.clicked = 'cannot_know' then 1 else 0 end), 0) as clicked_cannot_know,
  coalesce(sum(case when r.replied_at is not null then 1 else 0 end), 0) as replied,
  coalesce(sum(r.opens), 0) as opens, coalesce(sum(r.clicks), 0) as clicks,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' then 1 else 0 end), 0) as
  measured,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.fetched = 1 then 1 else 0
  end), 0) as fetched,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 0 and r.opens > 0
  and r.clicks > 0 then 1 else 0 end), 0) as pixel_and_link,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 0 and r.opens > 0
  and r.clicks = 0 then 1 else 0 end), 0) as pixel,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 0 and r.opens = 0
  and r.clicks > 0 then 1 else 0 end), 0) as link,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 1 and (r.opens > 0
  or r.clicks > 0) then 1 else 0 end), 0) as apple_proven,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 1 and r.clicks > 0
  then 1 else 0 end), 0) as apple_clicked,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.apple = 1 and r.opens = 0
  and r.clicks = 0 then 1 else 0 end), 0) as apple_silent,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and r.scanned = 1 then 1 else 0
  end), 0) as scanned,
  cast(json_group_array(r.domain || ' ' || cast(case when r.state = 'sent' then 1 else 0 end
    + case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' then 2 else 0 end
    + case when r.pixels >= 2 and r.untracked is null and r.state = 'sent' and (r.opens > 0 or r.clicks > 0) then 4
      else 0 end
    + case when r.clicked in ('seen', 'probably') then 8 else 0 end
    + case when r.replied_at is not null then 16 else 0 end
    + case when r.state in ('bounced', 'failed') then 32 else 0 end as text)) filter (where r.id is not null) as text) as
  went_to,
  (select count(*) from events e where e.message = m.id and e.kind = 'unsubscribed') as unsubscribed,
  (select count(*) from attempts a where a.message = m.id and a.outcome = 'complaint') as complained,
  (select count(*) from hits h where h.message = m.id and h.channel = 'open'
    and coalesce(h.recipient, '') not in (select q.id from recipients q join seeds d on d.team = q.team and
  d.address = q.address_key where q.message = m.id)) as raw_opens,
  (select count(*) from hits h where h.message = m.id and h.channel = 'click' and h.link <> 65535
    and coalesce(h.recipient, '') not in (select q.id from recipients q join seeds d on d.team = q.team and
  d.address = q.address_key where q.message = m.id)) as raw_clicks,
  (select count(*) from verdicts v join hits h on h.id = v.hit where v.message = m.id and v.until is null
    and v.label not in ('human', 'proxy_human', 'unknown')
    and coalesce(h.recipient, '') not in (select q.id from recipients q join seeds d on d.team = q.team and
  d.address = q.address_key where q.message = m.id)) as machines
from messages m left join sums s on s.message = m.id
  left join recipients r on r.message = m.id and (r.untracked is null or r.untracked = 'off')
  and not exists (select 1 from seeds d where d.team = r.team and d.address = r.address_key)
where m.id = :message and m.sender is not null
group by m.id, s.message;

-- sums [part]: what is counted
  copies, measurable, sent, bounced, opened, probably, cannot_know, clicked, replied, unsubscribed, complained, opens,
  clicks, raw_opens, raw_clicks, machines, measured, fetched, pixel_and_link, pixel, link, apple_proven,
  apple_clicked, apple_silent, scanned

-- counted [part]: what is counted, as it is given
  :copies, :measurable, :sent, :bounced, :opened, :probably, :cannot_know, :clicked, :replied, :unsubscribed,
  :complained, :opens, :clicks, :raw_opens, :raw_clicks, :machines, :measured, :fetched, :pixel_and_link, :pixel,
  :link, :apple_proven, :apple_clicked, :apple_silent, :scanned

-- put_sums: what is counted of one message from now on
insert into sums (message, team, sender, day, domains,
{sums})
values (:message, :team, :sender, :day, :domains,
{counted})
on conflict (message) do update set domains = excluded.domains,
  copies = excluded.copies, measurable = excluded.measurable, sent = excluded.sent, bounced = excluded.bounced, opened
  = excluded.opened, probably = excluded.probably, cannot_know = excluded.cannot_know, clicked = excluded.clicked,
  replied = excluded.replied, unsubscribed = excluded.unsubscribed, complained = excluded.complained, opens =
  excluded.opens, clicks = excluded.clicks, raw_opens = excluded.raw_opens, raw_clicks = excluded.raw_clicks, machines
  = excluded.machines, measured = excluded.measured, fetched = excluded.fetched, pixel_and_link =
  excluded.pixel_and_link, pixel = excluded.pixel, link = excluded.link, apple_proven = excluded.apple_proven,
  apple_clicked = excluded.apple_clicked, apple_silent = excluded.apple_silent, scanned = excluded.scanned;

-- or_add_to_day [part]: a day that is there changes by so much
on conflict (team, label, day, sender) do update set messages = days.messages + excluded.messages,
  copies = days.copies + excluded.copies, measurable = days.measurable + excluded.measurable, sent = days.sent +
  excluded.sent, bounced = days.bounced + excluded.bounced, opened = days.opened + excluded.opened, probably =
  days.probably + excluded.probably, cannot_know = days.cannot_know + excluded.cannot_know, clicked = days.clicked +
  excluded.clicked, replied = days.replied + excluded.replied, unsubscribed = days.unsubscribed +
  excluded.unsubscribed, complained = days.complained + excluded.complained, opens = days.opens + excluded.opens,
  clicks = days.clicks + excluded.clicks, raw_opens = days.raw_opens + excluded.raw_opens, raw_clicks =
  days.raw_clicks + excluded.raw_clicks, machines = days.machines + excluded.machines, measured = days.measured +
  excluded.measured, fetched = days.fetched + excluded.fetched, pixel_and_link = days.pixel_and_link +
  excluded.pixel_and_link, pixel = days.pixel + excluded.pixel, link = days.link + excluded.link, apple_proven =
  days.apple_proven + excluded.apple_proven, apple_clicked = days.apple_clicked + excluded.apple_clicked, apple_silent
  = days.apple_silent + excluded.apple_silent, scanned = days.scanned + excluded.scanned

-- add_to_days: a message changed by so much, and with it the day of all mail and of each of its labels
insert into days (team, label, day, sender, messages,
{sums})
select :team, label, :day, :sender, :messages,
{counted}
from (select '' as label union all select label from labels where message = :message) as called
where true order by label
{or_add_to_day};

-- add_to_day: the day of one label, or of all mail where it is empty, changes by so much
insert into days (team, label, day, sender, messages,
{sums})
values (:team, :label, :day, :sender, :messages,
{counted})
{or_add_to_day};

-- sums_by_day: what some messages come to, by day and sender
select team, day, sender, count(*) as messages,
  sum(copies) as copies, sum(measurable) as measurable, sum(sent) as sent, sum(bounced) as bounced, sum(opened) as
  opened, sum(probably) as probably, sum(cannot_know) as cannot_know, sum(clicked) as clicked, sum(replied) as
  replied, sum(unsubscribed) as unsubscribed, sum(complained) as complained, sum(opens) as opens, sum(clicks) as
  clicks, sum(raw_opens) as raw_opens, sum(raw_clicks) as raw_clicks, sum(machines) as machines, sum(measured) as
  measured, sum(fetched) as fetched, sum(pixel_and_link) as pixel_and_link, sum(pixel) as pixel, sum(link) as link,
  sum(apple_proven) as apple_proven, sum(apple_clicked) as apple_clicked, sum(apple_silent) as apple_silent,
  sum(scanned) as scanned
from sums where message in (select value from json_each(:messages))
group by team, day, sender order by day, sender;

-- in_order_of_days: some messages by the days and senders that they count for
select id from messages where id in (select value from json_each(:messages)) order by accepted_at / 86400000000, sender;

-- set_best: what a message is found by: the best that is known of any recipient
update messages set opened = :opened, clicked = :clicked, replied = :replied where id = :message;

-- sums_of_days: the sums of days by sender, of one label or of all mail, from one day to before another
select * from days where team = :team and label = :label and day >= :since and day < :until order by day, sender;
