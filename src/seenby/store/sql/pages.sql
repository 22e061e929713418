-- caught_copy: one message in the built-in mailbox, for whoever holds a capability for it
select recipient, raw from caught where recipient = :recipient;
