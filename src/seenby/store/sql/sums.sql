-- hold_sums: nobody else counts this message until our transaction ends
update sums set message = message where message = :message;

-- sums: what was last counted of one message
select * from sums where message = :message;

-- sums_now: what is to be counted of one message, from its rows; `no_pixel` notes mean that nobody has one
select m.team, m.sender, m.accepted_at, m.untouched, m.notes, m.opened as best_opened, m.clicked as best_clicked,
  m.replied as any_replied,
  count(r.id) as copies,
  coalesce(sum(case when r.pixels >= 2 and r.untracked is null then 1 else 0 end), 0) as pixels,
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
  (select count(*) from events e where e.message = m.id and e.kind = 'unsubscribed') as unsubscribed,
  (select count(*) from attempts a where a.message = m.id and a.outcome = 'complaint') as complained,
  (select count(*) from hits h where h.message = m.id and h.channel = 'open') as raw_opens,
  (select count(*) from hits h where h.message = m.id and h.channel = 'click') as raw_clicks,
  (select count(*) from verdicts v where v.message = m.id and v.until is null
    and v.label not in ('human', 'proxy_human', 'unknown')) as machines
from messages m left join recipients r on r.message = m.id and (r.untracked is null or r.untracked = 'off')
where m.id = :message and m.sender is not null
group by m.id, m.team, m.sender, m.accepted_at, m.untouched, m.notes, m.opened, m.clicked, m.replied;

-- put_sums: what is counted of one message from now on
insert into sums (message, team, sender, day, copies, measurable, sent, bounced, opened, probably, cannot_know,
  clicked, replied, unsubscribed, complained, opens, clicks, raw_opens, raw_clicks, machines)
values (:message, :team, :sender, :day, :copies, :measurable, :sent, :bounced, :opened, :probably, :cannot_know,
  :clicked, :replied, :unsubscribed, :complained, :opens, :clicks, :raw_opens, :raw_clicks, :machines)
on conflict (message) do update set copies = excluded.copies, measurable = excluded.measurable, sent =
  excluded.sent, bounced = excluded.bounced, opened = excluded.opened, probably = excluded.probably, cannot_know =
  excluded.cannot_know, clicked = excluded.clicked, replied = excluded.replied, unsubscribed =
  excluded.unsubscribed, complained = excluded.complained, opens = excluded.opens, clicks = excluded.clicks,
  raw_opens = excluded.raw_opens, raw_clicks = excluded.raw_clicks, machines = excluded.machines;

-- add_to_day: a day's sums change by so much
insert into days (team, day, sender, messages, copies, measurable, sent, bounced, opened, probably, cannot_know,
  clicked, replied, unsubscribed, complained, opens, clicks, raw_opens, raw_clicks, machines)
values (:team, :day, :sender, :messages, :copies, :measurable, :sent, :bounced, :opened, :probably, :cannot_know,
  :clicked, :replied, :unsubscribed, :complained, :opens, :clicks, :raw_opens, :raw_clicks, :machines)
on conflict (team, day, sender) do update set messages = days.messages + excluded.messages,
  copies = days.copies + excluded.copies, measurable = days.measurable + excluded.measurable, sent = days.sent +
  excluded.sent, bounced = days.bounced + excluded.bounced, opened = days.opened + excluded.opened, probably =
  days.probably + excluded.probably, cannot_know = days.cannot_know + excluded.cannot_know, clicked = days.clicked +
  excluded.clicked, replied = days.replied + excluded.replied, unsubscribed = days.unsubscribed +
  excluded.unsubscribed, complained = days.complained + excluded.complained, opens = days.opens + excluded.opens,
  clicks = days.clicks + excluded.clicks, raw_opens = days.raw_opens + excluded.raw_opens, raw_clicks =
  days.raw_clicks + excluded.raw_clicks, machines = days.machines + excluded.machines;

-- set_best: what a message is found by: the best that is known of any recipient
update messages set opened = :opened, clicked = :clicked, replied = :replied where id = :message;
