"""Copies leave: by SMTP to a next hop, or into the built-in mailbox. Retry, DKIM, and the mail about failures."""
