-- mail_hosts_of: who takes mail for these domains, as far as that is still believed
select domain, host from mail_hosts where domain in (select value from json_each(:domains))
and ((host <> '' and asked_at > :known_since) or (host = '' and asked_at > :unknown_since));

-- put_mail_host: who takes mail for a domain, as its MX says now
insert into mail_hosts (domain, host, asked_at) values (:domain, :host, :at)
on conflict (domain) do update set host = excluded.host, asked_at = excluded.asked_at;

-- set_mail_host: who took mail for this recipient's domain when their copy was sent; of nobody who was erased since
update recipients set mail_host = :host where id = :recipient and mail_host = '' and domain <> 'erased.invalid';

-- sweep_mail_hosts: what is no longer believed
delete from mail_hosts where asked_at < :before;
