"""A message written on the pages: from what somebody typed to the bytes that go out. Pure.

`written` is what was typed, `people` whom it goes to, `fields` what differs by recipient, `markup` the HTML that may
be kept, `prose` its text, `letters` what comes of it, `mime` the bytes. Nothing here asks a clock, chance, a file or a
database, and nothing here decides what is tracked: that is acceptance's to say, as for any message.
"""
