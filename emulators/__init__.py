"""Runnable emulators of the vendors, with faults. They share no code with the mappings they test.

`python -m emulators --port 8090 --state DIR` serves every vendor under `/<vendor>/` and the control interface under
`/_emulator/`. What was answered is on disk: `kill -9` and a restart lose nothing.

- `POST /_emulator/faults` `{"vendor", "match": {"method", "path"}, "fault": {"kind", …}, "times" | "rate", "seed"}`;
  kinds `status`, `slow`, `timeout`, `reset`, `timeout_after_commit`, `html_body`, `drift`, `loose_match`; for tokens
  `refresh_reply_lost`, `token_revoked`, `clock_skew` (`delay_ms`); for webhooks
  `duplicate_webhook` (`times_sent` copies at once), `reorder_webhooks` (held back until a later one was delivered),
  `drop_webhook`, `late_webhook` (`delay_ms`), `bad_signature`, `old_secret`, where `match.path` is the topic.
  `GET` lists them, `DELETE` ends them.
- `GET /_emulator/calls?vendor=&limit=`: what the vendors were sent and answered, newest last.
- `GET /_emulator/records?vendor=&object=` counts and shows records; `POST` places one past the vendor's validation.
- `GET /_emulator/tokens?vendor=`: the access and refresh tokens that were issued and not ended.
- `POST /_emulator/limits` `{"vendor", "per_minute", "search_lag", "token_seconds"}`; the last two in seconds.
- `PUT /_emulator/webhooks` `{"vendor", "url", "secret", "old_secret", "first_pause_ms"}`: from now on every change of
  the vendor's records is sent there, in the vendor's words and signed its way, and again until it is taken. `GET` shows
  the targets, `DELETE` ends them. `GET /_emulator/webhooks/sent?vendor=&limit=`: each webhook with its topic, state
  (`waiting`, `held`, `delivered`, `failed`, `dropped`, `abandoned`), tries, last status and fault.
- `POST /_emulator/reset` `{"vendor"}` forgets all but the counters and the webhook targets.
- `GET /_emulator/health` names the vendors.
"""
